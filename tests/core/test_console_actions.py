"""Actions of the operator's admin: each asks first and runs a service."""

import json
import re
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chat.models import Widget
from crm.authentication.models import ApiKeySecret, EndReason, TokenFamily, UserSession
from crm.authentication.services.api_keys import create_api_key
from crm.core.jobs.models import Job
from crm.core.mail.models import Mail
from crm.organizations.models import Membership, Role, User
from tests.compliance.audits import entries
from tests.conftest import make_member
from tests.core.consoles import INBOX, browser, do, staff_with
from tests.downloads import downloaded
from tests.jobs.counting import finish

pytestmark = pytest.mark.django_db(transaction=True)


def test_whoever_is_switched_off_is_out_at_once(
    operator: Client, agent: Membership, root: User
) -> None:
    client = browser(agent)
    assert do(operator, "deactivate", agent.user).status_code == 302
    assert client.get(INBOX).status_code == 302
    agent.user.refresh_from_db()
    assert not agent.user.is_active
    assert UserSession.objects.get(user=agent.user).ended_because == EndReason.DEACTIVATED
    (told,) = entries(agent.organization_id, "user.updated")
    assert (told.actor_id, told.details["changes"]["is_active"]) == (str(root.pk), [True, False])
    # Twice is not offered; back again is.
    assert do(operator, "deactivate", agent.user).status_code == 403
    assert do(operator, "reactivate", agent.user).status_code == 302
    agent.user.refresh_from_db()
    assert agent.user.is_active


def test_nobody_switches_themselves_off(operator: Client, root: User) -> None:
    answer = do(operator, "deactivate", root)
    assert answer.status_code == 403
    assert "You cannot switch yourself off" in answer.content.decode()
    root.refresh_from_db()
    assert root.is_active


def test_a_lost_second_factor_is_reset(operator: Client, agent: Membership) -> None:
    Authenticator.objects.create(user=agent.user, type="totp", data={"secret": "x"})
    client = browser(agent)
    assert do(operator, "reset-second-factor", agent.user).status_code == 302
    assert not Authenticator.objects.filter(user=agent.user).exists()
    assert client.get(INBOX).status_code == 302
    assert Mail.objects.get().to == agent.user.email
    (told,) = entries(agent.organization_id, "factor.deleted")
    assert told.actor_kind == "user"


def test_a_password_link_is_sent_that_works(operator: Client, agent: Membership) -> None:
    assert do(operator, "send-password-reset", agent.user).status_code == 302
    letter = Mail.objects.get()
    assert letter.to == agent.user.email
    link = re.search(r"/password/reset/\S+", letter.text)
    assert link is not None
    opened = Client().get(link[0], follow=True)
    assert opened.status_code == 200
    assert "password1" in opened.content.decode()


def test_logging_out_everywhere_leaves_the_account_on(operator: Client, agent: Membership) -> None:
    client = browser(agent)
    assert do(operator, "log-out", agent.user).status_code == 302
    assert client.get(INBOX).status_code == 302
    agent.user.refresh_from_db()
    assert agent.user.is_active


def test_an_organization_is_switched_off_and_on(
    operator: Client, agent: Membership, widget: Widget, stranger: Membership
) -> None:
    both = Membership.objects.create(
        organization=stranger.organization, user=agent.user, role=Role.AGENT
    )
    key = create_api_key(
        by=make_member(agent.organization, "Owen", Role.OWNER),
        name="k",
        scopes=["inbox:read"],
        expires_at=None,
    )
    client = browser(agent)
    assert do(operator, "deactivate", agent.organization).status_code == 302
    # Whoever works elsewhere too goes on there.
    assert both.organization.name in client.get(INBOX).content.decode()
    refused = Client().get(
        reverse("chat:conversations"), headers={"Authorization": f"Bearer {key.text}"}
    )
    assert refused.status_code == 401
    visit = Client().post(
        reverse("chat:widget_sessions"),
        json.dumps({"site_key": widget.site_key, "parent_origin": "https://shop.example"}),
        content_type="application/json",
    )
    assert visit.status_code == 404
    (told,) = entries(agent.organization_id, "organization.updated")
    assert told.details["changes"]["is_active"] == [True, False]
    assert do(operator, "reactivate", agent.organization).status_code == 302
    allowed = Client().get(
        reverse("chat:conversations"), headers={"Authorization": f"Bearer {key.text}"}
    )
    assert allowed.status_code == 200


def test_sessions_programs_and_keys_are_revoked(operator: Client, owner: Membership) -> None:
    client = browser(owner)
    family = TokenFamily.objects.create(
        organization=owner.organization,
        user=owner.user,
        membership=owner,
        expires_at=timezone.now() + timedelta(days=1),
    )
    made = create_api_key(by=owner, name="k", scopes=["inbox:read"], expires_at=None)
    session = UserSession.objects.get(user=owner.user)
    for row in (session, family, made.key):
        assert do(operator, "revoke", row).status_code == 302
        assert do(operator, "revoke", row).status_code == 403
    assert client.get(INBOX).status_code == 302
    family.refresh_from_db()
    assert family.ended_because == EndReason.REVOKED
    assert not ApiKeySecret.objects.filter(revoked_at__isnull=True).exists()


def test_memberships_change_by_their_services(
    operator: Client, owner: Membership, agent: Membership, root: User
) -> None:
    # The last owner stays, whoever asks.
    refused = do(operator, "deactivate", owner)
    assert refused.status_code == 409
    assert "always has an owner" in refused.content.decode()
    assert do(operator, "change-role", agent, role="owner").status_code == 302
    assert do(operator, "deactivate", owner).status_code == 302
    agent.refresh_from_db()
    owner.refresh_from_db()
    assert (agent.role, owner.is_active) == ("owner", False)
    told = entries(agent.organization_id, "member.updated")
    assert {entry.actor_id for entry in told} == {str(root.pk)}
    form = {"organization": str(agent.organization_id), "user": str(root.pk), "role": "viewer"}
    added = operator.post(reverse("admin:organizations_membership_add"), form)
    assert added.status_code == 302
    assert Membership.objects.get(user=root).role == Role.VIEWER


def test_operators_are_made_members_by_superusers_alone(owner: Membership) -> None:
    """Whoever may add memberships becomes nobody's owner: they impersonate, for a time."""
    client = staff_with("add_membership", "view_membership")
    person = User.objects.get(email="staff@nextflow.example")
    form = {"organization": str(owner.organization_id), "user": str(person.pk), "role": "owner"}
    refused = client.post(reverse("admin:organizations_membership_add"), form)
    assert refused.status_code == 200
    assert "user" in refused.context["adminform"].form.errors
    assert not Membership.objects.filter(user=person).exists()


def test_the_audit_is_searched_and_exported(operator: Client, owner: Membership) -> None:
    browser(owner)
    found = operator.get(
        reverse("admin:compliance_auditentry_changelist"), {"q": str(owner.organization_id)}
    )
    page = found.content.decode()
    assert "Log-in" in page
    assert "Olga" in page
    assert "Sunbean" in page
    link = re.search(r'href="(/admin/compliance/auditentry/[^"]+)"', page)
    assert link is not None
    opened = operator.get(link[1].replace("&amp;", "&")).content.decode()
    assert str(owner.organization_id) in opened
    address = reverse("admin:compliance_auditentry_changelist")
    assert operator.get(address, {"period": "nonsense"}).status_code == 302
    assert operator.get(address, {"period": "all", "q": "x"}).status_code == 200
    assert do(operator, "export-audit", owner.organization, format="jsonl").status_code == 302
    export = Job.objects.get()
    assert do(operator, "fetch", export).status_code == 403
    assert finish(export).state == "done"
    fetched = do(operator, "fetch", export)
    lines = downloaded(fetched).decode().splitlines()
    assert "session.started" in {json.loads(line)["action"] for line in lines}
    assert entries(owner.organization_id, "export.fetched")
