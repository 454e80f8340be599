"""Roles of an organization: copied, edited, given; never more than one has, never no owner."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from crm.core.errors import AppError, Forbidden
from crm.core.permissions import WRITE, Grant, Level, Module, Rights
from crm.core.permissions.errors import GrantsTooMuch
from crm.core.versions import EditedMeanwhile
from crm.organizations.builtin_roles import BUILT_IN
from crm.organizations.errors import (
    LastOwner,
    MemberNotFound,
    OwnersOnly,
    RoleInUse,
    RoleNameTaken,
    RoleNotFound,
    TooManyRoles,
)
from crm.organizations.models import CustomRole, Membership, Organization, Role, User
from crm.organizations.services.guards import keep_an_owner, lock_rights
from crm.organizations.services.roles import (
    MAX_ROLES,
    change_role,
    create_role,
    delete_role,
    edit_role,
    grantable_roles,
)
from tests.conftest import PASSWORD, make_member
from tests.organizations.people import give
from tests.patience import PATIENCE

ROLES = reverse("organizations:roles")


@pytest.fixture
def admin(organization: Organization) -> Membership:
    return make_member(organization, "Ada", Role.ADMIN)


def role_page(role: CustomRole) -> str:
    return reverse("organizations:role", args=[role.pk])


def filled(role: CustomRole, **changes: str) -> dict[str, str]:
    levels = {
        f"{area}_{action}": level
        for area, grant in role.rights.stored().items()
        for action, level in grant.items()
    }
    return {"name": role.name, "_version": str(role.version), **levels, **changes}


def test_copy_is_edited_and_holds_at_once(
    client: Client, owner: Membership, agent: Membership
) -> None:
    client.force_login(owner.user)
    answer = client.post(ROLES, {"name": "Night shift", "copied_from": "agent"})
    role = CustomRole.objects.get(name="Night shift")
    assert (answer.status_code, answer["Location"]) == (302, role_page(role))
    assert role.rights == BUILT_IN["agent"]
    answer = client.post(role_page(role), filled(role, inbox_read="own", inbox_write="own"))
    assert answer.status_code == 302
    role.refresh_from_db()
    assert (role.version, role.rights[Module.INBOX]) == (2, Grant(Level.OWN, Level.OWN))
    change_role(by=owner, membership_id=agent.pk, key=str(role.pk))
    agent = Membership.objects.get(pk=agent.pk)
    assert (agent.role_name, agent.role) == ("Night shift", Role.AGENT)
    assert agent.rights == role.rights


@pytest.mark.parametrize("source", [role for role in Role.values if role != "owner"])
def test_every_role_but_the_owner_can_be_copied(owner: Membership, source: str) -> None:
    role = create_role(by=owner, name="Copy", copied_from=source)
    assert (role.base, role.rights) == (source, BUILT_IN[source])


def test_owner_cannot_be_copied(client: Client, owner: Membership) -> None:
    with pytest.raises(OwnersOnly):
        create_role(by=owner, name="Second owner", copied_from="owner")
    client.force_login(owner.user)
    answer = client.post(ROLES, {"name": "Second owner", "copied_from": "owner"})
    assert answer.status_code == 422
    assert not CustomRole.objects.exists()


def test_name_is_taken_in_any_case_of_letters_but_only_here(
    owner: Membership, stranger: Membership
) -> None:
    create_role(by=owner, name="Night", copied_from="agent")
    with pytest.raises(RoleNameTaken):
        create_role(by=owner, name="NIGHT", copied_from="agent")
    create_role(by=stranger, name="Night", copied_from="agent")
    assert CustomRole.objects.count() == 2


@pytest.mark.parametrize(
    "name", ["Owner", "admin", "ADMINISTRATOR", "Владелец", "Chủ sở hữu", "\u200bAgent\u2800"]
)
def test_no_role_is_called_like_a_built_in_one_in_any_language(
    client: Client, owner: Membership, name: str
) -> None:
    with pytest.raises(RoleNameTaken):
        create_role(by=owner, name=name, copied_from="agent")
    client.force_login(owner.user)
    assert client.post(ROLES, {"name": name, "copied_from": "agent"}).status_code == 409
    role = create_role(by=owner, name="Night", copied_from="agent")
    with pytest.raises(RoleNameTaken):
        edit_role(by=owner, role_id=role.pk, version=None, name=name, rights=role.rights)
    assert CustomRole.objects.get().name == "Night"


def test_roles_are_bounded(owner: Membership) -> None:
    CustomRole.objects.bulk_create(
        CustomRole(organization=owner.organization, name=str(number), base=Role.AGENT)
        for number in range(MAX_ROLES)
    )
    with pytest.raises(TooManyRoles):
        create_role(by=owner, name="One more", copied_from="agent")


def test_two_editors_do_not_undo_each_other(client: Client, owner: Membership) -> None:
    role = create_role(by=owner, name="Night", copied_from="agent")
    client.force_login(owner.user)
    old = filled(role)
    assert client.post(role_page(role), old | {"customers_write": "none"}).status_code == 302
    answer = client.post(role_page(role), old | {"inbox_write": "none"})
    assert answer.status_code == 409
    role.refresh_from_db()
    assert role.rights[Module.INBOX].write == Level.ALL
    with pytest.raises(EditedMeanwhile):
        edit_role(by=owner, role_id=role.pk, version=1, name="x", rights=Rights())


@pytest.mark.parametrize(
    "changes",
    [
        {"inbox_read": "own", "inbox_write": "all"},
        {"inbox_read": "everything"},
        {"settings_read": "team"},
        {"name": ""},
        {"name": "x" * 61},
    ],
)
def test_wrong_matrix_is_refused_and_changes_nothing(
    client: Client, owner: Membership, changes: dict[str, str]
) -> None:
    role = create_role(by=owner, name="Night", copied_from="agent")
    client.force_login(owner.user)
    answer = client.post(role_page(role), filled(role, **changes))
    assert answer.status_code == 422
    stored = CustomRole.objects.get(pk=role.pk)
    assert (stored.name, stored.rights, stored.version) == ("Night", role.rights, 1)


def test_fields_that_are_not_offered_are_not_taken(
    client: Client, owner: Membership, stranger: Membership
) -> None:
    role = create_role(by=owner, name="Night", copied_from="agent")
    client.force_login(owner.user)
    extra = {
        "base": "admin",
        "organization": str(stranger.organization_id),
        "grants": '{"billing": {"read": "all", "write": "all"}}',
        "id": str(uuid4()),
    }
    assert client.post(role_page(role), filled(role, name="Day") | extra).status_code == 302
    stored = CustomRole.objects.get()
    assert (stored.pk, stored.base, stored.name) == (role.pk, "agent", "Day")
    assert stored.organization_id == owner.organization_id
    assert stored.rights == BUILT_IN["agent"]


def test_nobody_gives_more_than_they_have(
    client: Client, admin: Membership, agent: Membership
) -> None:
    role = create_role(by=admin, name="Night", copied_from="agent")
    more = Rights({**role.rights.grants, Module.BILLING: Grant(Level.ALL, Level.ALL)})
    with pytest.raises(GrantsTooMuch):
        edit_role(by=admin, role_id=role.pk, version=1, name="Night", rights=more)
    client.force_login(admin.user)
    answer = client.post(role_page(role), filled(role, billing_write="all", billing_read="all"))
    assert answer.status_code == 422
    assert CustomRole.objects.get().rights == BUILT_IN["agent"]
    assert "owner" not in dict(grantable_roles(admin))
    with pytest.raises(OwnersOnly):
        change_role(by=admin, membership_id=agent.pk, key="owner")


def test_role_beyond_ones_own_rights_is_not_for_them_to_touch(
    client: Client, owner: Membership, admin: Membership, agent: Membership
) -> None:
    role = create_role(by=owner, name="Cashier", copied_from="agent")
    more = Rights({**role.rights.grants, Module.BILLING: Grant(Level.ALL, Level.ALL)})
    role = edit_role(by=owner, role_id=role.pk, version=1, name="Cashier", rights=more)
    for attempt in (
        lambda: edit_role(by=admin, role_id=role.pk, version=2, name="x", rights=Rights()),
        lambda: delete_role(by=admin, role_id=role.pk),
        lambda: create_role(by=admin, name="Copy", copied_from=str(role.pk)),
        lambda: change_role(by=admin, membership_id=agent.pk, key=str(role.pk)),
    ):
        with pytest.raises(GrantsTooMuch):
            attempt()
    change_role(by=owner, membership_id=agent.pk, key=str(role.pk))
    with pytest.raises(GrantsTooMuch):
        change_role(by=admin, membership_id=agent.pk, key="viewer")
    client.force_login(admin.user)
    page = client.get(role_page(role)).content.decode()
    assert "<select" not in page
    assert "only if you have all of its rights" in page


@pytest.mark.parametrize("role", ["supervisor", "agent", "viewer"])
def test_who_may_not_change_settings_changes_no_roles(
    client: Client, organization: Organization, owner: Membership, role: str
) -> None:
    person = make_member(organization, "Pat", Role(role))
    made = create_role(by=owner, name="Night", copied_from="agent")
    for attempt in (
        lambda: create_role(by=person, name="Mine", copied_from="viewer"),
        lambda: edit_role(by=person, role_id=made.pk, version=1, name="x", rights=Rights()),
        lambda: delete_role(by=person, role_id=made.pk),
        lambda: change_role(by=person, membership_id=person.pk, key="owner"),
    ):
        with pytest.raises(Forbidden):
            attempt()
    client.force_login(person.user)
    assert client.post(ROLES, {"name": "Mine", "copied_from": "viewer"}).status_code == 403
    assert client.post(role_page(made), filled(made, name="x")).status_code == 403
    assert client.post(reverse("organizations:delete_role", args=[made.pk])).status_code == 403
    sees = person.may(Module.SETTINGS)
    assert client.get(ROLES).status_code == (200 if sees else 403)
    assert CustomRole.objects.get().name == "Night"


def test_other_organizations_roles_do_not_exist(
    client: Client, owner: Membership, agent: Membership, stranger: Membership
) -> None:
    theirs = create_role(by=stranger, name="Theirs", copied_from="agent")
    client.force_login(owner.user)
    assert client.get(role_page(theirs)).status_code == 404
    assert client.post(role_page(theirs), filled(theirs, name="x")).status_code == 404
    assert client.post(reverse("organizations:delete_role", args=[theirs.pk])).status_code == 404
    for key in (str(theirs.pk), str(uuid4()), "boss", ""):
        with pytest.raises(RoleNotFound):
            change_role(by=owner, membership_id=agent.pk, key=key)
    with pytest.raises(MemberNotFound):
        change_role(by=owner, membership_id=stranger.pk, key="viewer")
    assert CustomRole.objects.get().name == "Theirs"


def test_operator_cannot_give_another_organizations_role(
    client: Client, agent: Membership, stranger: Membership
) -> None:
    client.force_login(User.objects.create_superuser("root@x.example", PASSWORD, name="Root"))
    theirs = create_role(by=stranger, name="Theirs", copied_from="agent")
    url = reverse("admin:organizations_membership_change-role", args=[agent.pk])
    answer = client.post(url, {"role": str(theirs.pk), "custom_role": str(theirs.pk)})
    assert answer.status_code == 400
    assert Membership.objects.get(pk=agent.pk).custom_role is None


def test_role_that_somebody_has_stays(client: Client, owner: Membership, agent: Membership) -> None:
    role = create_role(by=owner, name="Night", copied_from="agent")
    change_role(by=owner, membership_id=agent.pk, key=str(role.pk))
    with pytest.raises(RoleInUse):
        delete_role(by=owner, role_id=role.pk)
    client.force_login(owner.user)
    sent = {"_version": role.version}
    client.post(reverse("organizations:delete_role", args=[role.pk]), sent)
    assert CustomRole.objects.filter(pk=role.pk).exists()
    change_role(by=owner, membership_id=agent.pk, key="agent")
    client.post(reverse("organizations:delete_role", args=[role.pk]), sent)
    assert not CustomRole.objects.exists()


def test_organization_goes_with_its_roles_and_teams(owner: Membership, agent: Membership) -> None:
    role = create_role(by=owner, name="Night", copied_from="agent")
    change_role(by=owner, membership_id=agent.pk, key=str(role.pk))
    owner.organization.delete()
    assert not CustomRole.objects.exists()


def test_only_owners_make_and_unmake_owners(
    owner: Membership, admin: Membership, agent: Membership
) -> None:
    change_role(by=owner, membership_id=agent.pk, key="owner")
    with pytest.raises(OwnersOnly):
        change_role(by=admin, membership_id=agent.pk, key="agent")
    change_role(by=owner, membership_id=agent.pk, key="agent")
    assert Membership.objects.get(pk=agent.pk).role == Role.AGENT


def test_last_owner_stays(owner: Membership, agent: Membership) -> None:
    with pytest.raises(LastOwner):
        change_role(by=owner, membership_id=owner.pk, key="admin")
    with transaction.atomic(), pytest.raises(LastOwner):
        keep_an_owner(owner)
    second = change_role(by=owner, membership_id=agent.pk, key="owner")
    Membership.objects.filter(pk=second.pk).update(is_active=False)
    with pytest.raises(LastOwner):
        change_role(by=owner, membership_id=owner.pk, key="admin")
    Membership.objects.filter(pk=second.pk).update(is_active=True)
    change_role(by=owner, membership_id=owner.pk, key="admin")
    assert [each.pk for each in Membership.objects.owners()] == [second.pk]


def test_rights_are_read_again_behind_the_lock(owner: Membership, agent: Membership) -> None:
    stale = Membership.objects.get(pk=owner.pk)
    change_role(by=owner, membership_id=agent.pk, key="owner")
    change_role(by=agent, membership_id=owner.pk, key="viewer")
    with pytest.raises(Forbidden):
        create_role(by=stale, name="Late", copied_from="agent")


@pytest.mark.django_db(transaction=True)
def test_two_last_owners_cannot_go_at_once(transactional_db: None, stores_clean: None) -> None:
    organization = Organization.objects.create(name="Duo", slug="duo", language_code="en")
    first = make_member(organization, "First", Role.OWNER)
    second = make_member(organization, "Second", Role.OWNER)
    is_locked, may_go = threading.Event(), threading.Event()

    def demote_first() -> None:
        try:
            with transaction.atomic():
                change_role(by=first, membership_id=first.pk, key="admin")
                is_locked.set()
                may_go.wait(PATIENCE)
        finally:
            connection.close()

    def demote_second() -> str:
        try:
            change_role(by=second, membership_id=second.pk, key="admin")
        except AppError as refusal:
            return refusal.code
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(demote_first)
        assert is_locked.wait(PATIENCE)
        two = pool.submit(demote_second)
        with pytest.raises(StillWaiting):
            two.result(timeout=0.5)
        may_go.set()
        one.result(timeout=PATIENCE)
        assert two.result(timeout=PATIENCE) == "last_owner"
    assert [each.pk for each in Membership.objects.owners()] == [second.pk]


@pytest.mark.django_db(transaction=True)
def test_rights_that_go_while_one_waits_are_gone(
    transactional_db: None, stores_clean: None
) -> None:
    organization = Organization.objects.create(name="Duo", slug="duo", language_code="en")
    owner = make_member(organization, "Olga", Role.OWNER)
    admin = make_member(organization, "Ada", Role.ADMIN)

    def create() -> str:
        try:
            create_role(by=admin, name="Late", copied_from="agent")
        except AppError as refusal:
            return refusal.code
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            lock_rights(organization.pk)
            waiting = pool.submit(create)
            with pytest.raises(StillWaiting):
                waiting.result(timeout=0.5)
            change_role(by=owner, membership_id=admin.pk, key="viewer")
        assert waiting.result(timeout=PATIENCE) == "forbidden"
    assert not CustomRole.objects.exists()


def test_pages_tell_how_many_have_a_role(
    client: Client, owner: Membership, agent: Membership, colleague: Membership
) -> None:
    client.force_login(owner.user)
    give(colleague, BUILT_IN["viewer"])
    page = client.get(ROLES)
    counts = {row["key"]: row["count"] for row in page.context["built_in"]}
    assert counts == {"owner": 1, "admin": 0, "supervisor": 0, "agent": 1, "viewer": 0}
    assert [role.count for role in page.context["custom"]] == [1]


def test_built_in_roles_are_shown_and_not_for_change(client: Client, owner: Membership) -> None:
    client.force_login(owner.user)
    for role in Role.values:
        page = reverse("organizations:role", args=[role])
        shown = client.get(page).content.decode()
        assert "<select" not in shown
        assert len(re.findall(r'class="level level-', shown)) == 2 * len(Module)
        assert client.post(page, {"inbox_read": "none"}).status_code == 200
    assert BUILT_IN["agent"].level(Module.INBOX, WRITE) == Level.ALL
