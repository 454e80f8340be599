"""Every change of a watched row is told, however it is made; and by whom."""

import json
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chat.models import Conversation, SenderType
from chat.models.message import Sender
from chat.services import post_message
from crm.authentication.models import ApiKey, UserSession
from crm.authentication.services.api_keys import create_api_key, revoke_api_key
from crm.compliance.actor import Actor, acting
from crm.compliance.models import INSTALLATION, ActorKind, AuditEntry
from crm.core import tenancy
from crm.core.observability.tracing import bind_correlation_id
from crm.core.permissions import WRITE, Module
from crm.customers.models import Customer
from crm.organizations.models import Membership, Organization, Role
from crm.organizations.services.roles import change_role
from tests.api.conftest import Api
from tests.compliance.audits import actions, entries, findings, values_of
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def test_a_bulk_update_tells_each_row(organization: Organization) -> None:
    Customer.objects.bulk_create(
        Customer(organization=organization, name=f"C{number}") for number in range(3)
    )
    Customer.objects.filter(organization=organization).update(stage="customer")
    updated = entries(organization.pk, "customer.updated")
    assert len(updated) == 3
    assert updated[0].details == {"changes": {"stage": ["visitor", "customer"]}}
    assert len(entries(organization.pk, "customer.created")) == 3


def test_sql_by_hand_is_told_with_the_role_that_ran_it(customer: Customer) -> None:
    with connection.cursor() as cursor:
        cursor.execute("update customers_customer set phone = '7' where id = %s", [customer.pk])
        cursor.execute("delete from customers_customerword where customer_id = %s", [customer.pk])
        cursor.execute("delete from customers_customer where id = %s", [customer.pk])
        cursor.execute("SELECT session_user")
        (role,) = cursor.fetchone()
    updated, deleted = entries(customer.organization_id)[-2:]
    assert (updated.action, deleted.action) == ("customer.updated", "customer.deleted")
    assert (updated.actor_kind, updated.actor_id) == (ActorKind.DATABASE, role)
    assert updated.details == {"fields": ["phone"]}
    assert values_of(updated).data == {"phone": ["", "7"]}
    assert values_of(deleted).data["name"] == ["Minh", None]


def test_personal_values_stand_beside_the_chain(customer: Customer) -> None:
    (created,) = entries(customer.organization_id, "customer.created")
    assert "Minh" not in json.dumps(created.details)
    assert values_of(created).data == {
        "name": [None, "Minh"], "email": [None, ""], "phone": [None, ""],
        "external_id": [None, ""], "job_title": [None, ""],
    }  # fmt: skip
    assert values_of(created).subject == f"customer:{customer.pk}"


def test_what_is_not_watched_is_not_told(customer: Customer) -> None:
    before = actions(customer.organization_id)
    customer.claimed = {"vip": True}
    customer.save(update_fields=["claimed", "updated_at"])
    customer.save()
    assert actions(customer.organization_id) == before


def test_messages_are_not_told_but_owners_are(
    conversation: Conversation, agent: Membership
) -> None:
    before = len(entries(conversation.organization_id))
    post_message(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        sender=Sender(type=SenderType.CUSTOMER, id=str(conversation.customer_id), name="Minh"),
        content={"type": "text", "text": "Hello?"},
        client_message_id="second",
    )
    assert len(entries(conversation.organization_id)) == before
    Conversation.objects.filter(pk=conversation.pk).update(assignee=agent.user_id)
    (told,) = entries(conversation.organization_id, "conversation.updated")
    assert told.details == {"changes": {"assignee_id": [None, str(agent.user_id)]}}


def test_roles_and_keys_are_told(owner: Membership, agent: Membership) -> None:
    change_role(by=owner, membership_id=agent.pk, key=Role.VIEWER)
    (told,) = entries(owner.organization_id, "member.updated")
    assert told.object_id == str(agent.user_id)
    assert told.details == {"changes": {"role": ["agent", "viewer"]}}
    made = create_api_key(by=owner, name="Shop", scopes=["inbox:read"], expires_at=None)
    revoke_api_key(by=owner, key_id=made.key.pk)
    assert actions(owner.organization_id)[-4:] == [
        "api_key.created", "api_key.secret_added", "api_key.secret_revoked", "api_key.revoked",
    ]  # fmt: skip
    text = json.dumps([entry.details for entry in entries(owner.organization_id)])
    assert made.text not in text
    assert ApiKey.objects.get().secrets.get().secret_hash not in text


def test_a_password_is_told_without_it(owner: Membership) -> None:
    owner.user.set_password("another horse battery")
    owner.user.save(update_fields=["password"])
    (*_created, told) = entries(owner.organization_id, "user.updated")
    assert (told.details, values_of(told)) == ({"fields": ["password"]}, None)


def test_a_person_of_two_organizations_is_told_in_both(
    owner: Membership, stranger_organization: Organization
) -> None:
    Membership.objects.create(organization=stranger_organization, user=owner.user, role=Role.VIEWER)
    type(owner.user).objects.filter(pk=owner.user_id).update(is_active=False)
    for organization_id in (owner.organization_id, stranger_organization.pk):
        (*_others, told) = entries(organization_id, "user.updated")
        assert told.details == {"changes": {"is_active": [True, False]}}


def test_a_request_is_told_with_person_address_and_correlation_id(owner: Membership) -> None:
    Api(owner).post("/api/v1/customers", {"name": "Minh"}, X_Request_ID="audit-request-1")
    (told,) = entries(owner.organization_id, "customer.created")
    assert (told.actor_kind, told.actor_id) == (ActorKind.USER, str(owner.user_id))
    assert told.correlation_id == "audit-request-1"
    assert values_of(told).address == "127.0.0.1"


def test_a_request_with_a_key_is_told_with_the_key(owner: Membership) -> None:
    made = create_api_key(by=owner, name="Shop", scopes=["customers:write"], expires_at=None)
    answer = Client().post(
        "/api/v1/customers",
        json.dumps({"name": "Minh"}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {made.text}"},
    )
    assert answer.status_code == 201
    (told,) = entries(owner.organization_id, "customer.created")
    assert (told.actor_kind, told.actor_id) == (ActorKind.KEY, str(made.key.pk))


def test_who_does_it_costs_no_query(owner: Membership, customer: Customer) -> None:
    with (
        bind_correlation_id("audit-queries-1"),
        acting(Actor(ActorKind.USER, str(owner.user_id), "192.0.2.1'%s")),
        CaptureQueriesContext(connection) as queries,
    ):
        assert Customer.objects.get(pk=customer.pk).name == "Minh"
        assert Customer.objects.filter(pk=customer.pk).update(phone="7") == 1
        made = Customer.objects.create(
            organization_id=customer.organization_id,
            external_id="50 %",
            identity_space=customer.pk,
        )
    assert len(queries) == 3
    assert made.pk is not None
    updated, _created = entries(customer.organization_id)[-2:]
    assert updated.actor_id == str(owner.user_id)
    assert values_of(updated).address == "192.0.2.1'%s"


def test_one_transaction_s_actor_is_not_the_next_one_s(
    owner: Membership, customer: Customer
) -> None:
    with transaction.atomic(), acting(Actor(ActorKind.USER, str(owner.user_id))):
        Customer.objects.filter(pk=customer.pk).update(phone="7")
    assert entries(customer.organization_id)[-1].actor_id == str(owner.user_id)


def test_log_in_log_out_and_refusal_are_told(owner: Membership) -> None:
    client = Client()
    for password in ("wrong", PASSWORD):
        client.post("/login/", {"email": owner.user.email, "password": password})
    assert UserSession.objects.filter(user=owner.user).exists()
    client.post("/logout/")
    told = [each for each in entries(owner.organization_id) if each.object_type != "address"]
    assert [each.action for each in told][-3:] == [
        "log_in.refused", "session.started", "session.ended",
    ]  # fmt: skip
    refused, started, ended = told[-3:]
    assert (refused.actor_kind, refused.object_id) == (ActorKind.NOBODY, str(owner.user_id))
    assert values_of(refused).data == {"email": [None, owner.user.email]}
    assert started.actor_id == ended.actor_id == str(owner.user_id)
    assert ended.details["changes"] == {"ended_because": ["", "logged_out"]}
    assert PASSWORD not in json.dumps([values_of(each).data for each in told if values_of(each)])


def test_a_refused_log_in_of_nobody_is_the_installation_s(organization: Organization) -> None:
    before = len(entries(INSTALLATION))
    Client().post("/login/", {"email": "nobody@nowhere.example", "password": "wrong"})
    told = entries(INSTALLATION)[before:]
    assert [each.action for each in told] == ["log_in.refused"]
    assert actions(organization.pk) == ["organization.created"]
    assert findings(INSTALLATION) == []


def test_a_deleted_organization_leaves_its_chain(organization: Organization) -> None:
    Customer.objects.create(organization=organization, name="Minh")
    organization_id = organization.pk
    organization.delete()
    assert actions(organization_id)[-2:] == ["customer.deleted", "organization.deleted"]
    assert findings(organization_id) == []


def test_many_rows_in_one_transaction(organization: Organization) -> None:
    Customer.objects.bulk_create(
        (Customer(organization=organization, name=f"C{number}") for number in range(2000)),
        batch_size=500,
    )
    assert len(entries(organization.pk)) == 2001
    assert findings(organization.pk) == []


def test_only_administrators_see_it(owner: Membership, agent: Membership) -> None:
    entries(owner.organization_id)
    assert owner.may(Module.SETTINGS, WRITE)
    assert AuditEntry.objects.visible_to(owner).exists()
    assert not AuditEntry.objects.visible_to(agent).exists()


def test_another_organization_s_entries_are_locked_away(
    owner: Membership, stranger: Membership
) -> None:
    entries(owner.organization_id)
    with tenancy.organization(owner.organization_id):
        seen: Any = set(AuditEntry.objects.values_list("organization_id", flat=True))
    assert seen == {owner.organization_id}
    # Here it is meant that nobody asks.
    with pytest.MonkeyPatch.context() as patch, tenancy.no_tenant():
        patch.setattr(tenancy, "_warned", set())
        assert not AuditEntry.objects.exists()
