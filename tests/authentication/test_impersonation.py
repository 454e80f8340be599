"""An operator sees the application as somebody else: told, limited, and over when it is over."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chat import presence
from chat.models import Conversation
from crm.authentication.models import EndReason, Impersonation, ImpersonationEndReason, UserSession
from crm.authentication.principals import live_logins
from crm.authentication.services.access import end_access
from crm.authentication.services.impersonation import SESSION_KEY
from crm.authentication.services.sessions import RECORD_KEY
from crm.authentication.tasks import end_lapsed
from crm.core.ids import uuid7
from crm.core.jobs import services
from crm.core.jobs.models import Job
from crm.core.jobs.running import run_job
from crm.core.jobs.services import start_job
from crm.core.models import Note, UndoableAction
from crm.core.records import ListState, bulk_jobs, get_record
from crm.core.records.notes import create_note, delete_note
from crm.core.records.pages import bulk as pages
from crm.customers.models import Customer
from crm.organizations.models import Membership, Organization, Role, Team, User
from crm.organizations.services.teams import create_team, delete_team
from tests.compliance.audits import entries, findings, values_of
from tests.conftest import PASSWORD, make_member
from tests.downloads import downloaded
from tests.jobs.counting import COUNTING, finish

# What begins and ends it is told after the commit.
pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parent.parent.parent
INBOX = reverse("chat:inbox")
STOP = reverse("authentication:stop_impersonation")
ADMIN = reverse("admin:index")
REASON = "Ticket 4711: the list stays empty"
BANNER = "You see this as"


def log_in(user: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


def begin(client: Client, membership: Membership, *, may_change: bool = False) -> Any:
    form = {"reason": REASON, **({"may_change": "on"} if may_change else {})}
    return client.post(
        reverse("admin:organizations_membership_impersonate", args=[membership.pk]), form
    )


def the_one() -> Impersonation:
    return Impersonation.objects.get()


def take_over(conversation: Conversation) -> str:
    return reverse("chat:take_over", args=[conversation.pk])


def code_of(answer: Any) -> str:
    assert answer["Content-Type"] == "application/problem+json", answer.content
    return str(answer.json()["code"])


def test_they_see_what_the_person_sees_under_a_banner(
    operator: Client, agent: Membership, conversation: Conversation
) -> None:
    answer = begin(operator, agent)
    assert (answer.status_code, answer["Location"]) == (302, INBOX)
    page = operator.get(INBOX).content.decode()
    assert BANNER in page
    assert "<bdi>Linh</bdi>, <bdi>Sunbean</bdi>" in page
    assert "<bdi>Rita</bdi>, since" in page
    assert REASON in page
    assert STOP in page
    assert operator.get(reverse("chat:conversation", args=[conversation.pk])).status_code == 200
    me = operator.get(reverse("organizations:me")).json()
    assert me["user"]["email"] == agent.user.email
    # Every page of the application has it, the refusals too.
    for name in (
        "knowledge:list",
        "organizations:settings",
        "organizations:profile",
        "authentication:sessions",
    ):
        assert BANNER in operator.get(reverse(name), follow=True).content.decode(), name
    assert BANNER in operator.get(reverse("mfa_index")).content.decode()


def test_from_somebodys_own_page_the_organization_is_chosen(
    operator: Client, agent: Membership, stranger: Membership
) -> None:
    address = reverse("admin:organizations_user_impersonate", args=[agent.user_id])
    assert "Sunbean" in operator.get(address).content.decode()
    refused = operator.post(address, {"reason": REASON, "membership": str(stranger.pk)})
    assert refused.status_code == 400
    assert not Impersonation.objects.exists()
    assert (
        operator.post(address, {"reason": REASON, "membership": str(agent.pk)})["Location"] == INBOX
    )
    assert (the_one().user_id, the_one().organization_id) == (agent.user_id, agent.organization_id)


@pytest.mark.parametrize("reason", ["", "   ", "short", " a  b  c  d "])
def test_without_a_reason_nothing_begins(operator: Client, agent: Membership, reason: str) -> None:
    address = reverse("admin:organizations_membership_impersonate", args=[agent.pk])
    assert operator.post(address, {"reason": reason}).status_code == 400
    assert not Impersonation.objects.exists()
    assert SESSION_KEY not in operator.session


def test_to_look_at_the_page_that_asks_begins_nothing(operator: Client, agent: Membership) -> None:
    address = reverse("admin:organizations_membership_impersonate", args=[agent.pk])
    assert operator.get(address, {"reason": REASON, "confirm": "yes"}).status_code == 200
    assert not Impersonation.objects.exists()


def test_a_form_of_another_site_begins_and_stops_nothing(root: User, agent: Membership) -> None:
    client = log_in(root, enforce_csrf_checks=True)
    assert begin(client, agent).status_code == 403
    assert not Impersonation.objects.exists()
    token = client.get(
        reverse("admin:organizations_membership_impersonate", args=[agent.pk])
    ).cookies["csrftoken"]
    answer = client.post(
        reverse("admin:organizations_membership_impersonate", args=[agent.pk]),
        {"reason": REASON, "csrfmiddlewaretoken": token.value},
    )
    assert answer.status_code == 302
    assert client.post(STOP).status_code == 403
    assert the_one().ended_at is None


def test_forged_fields_and_cookies_choose_nobody_else(
    operator: Client, agent: Membership, colleague: Membership, root: User
) -> None:
    address = reverse("admin:organizations_membership_impersonate", args=[agent.pk])
    forged = {
        "reason": REASON,
        "user": str(colleague.user_id),
        "membership": str(colleague.pk),
        "operator": str(colleague.user_id),
        "ends_at": "2099-01-01",
    }
    operator.post(address, forged)
    found = the_one()
    assert (found.user_id, found.operator_id) == (agent.user_id, root.pk)
    assert found.ends_at - found.started_at == timedelta(minutes=60)
    # Another session that names it is not the one it was begun in.
    thief = log_in(make_member(agent.organization, "Tom", Role.AGENT).user)
    session = thief.session
    session[SESSION_KEY] = str(found.pk)
    session.save()
    page = thief.get(INBOX).content.decode()
    assert BANNER not in page
    assert SESSION_KEY not in thief.session


def test_nobody_is_seen_as_an_operator_or_as_themselves(
    operator: Client, root: User, organization: Organization
) -> None:
    other = make_member(organization, "Otto", Role.OWNER)
    other.user.is_staff = True
    other.user.save(update_fields=["is_staff"])
    assert begin(operator, other).status_code == 403
    own = Membership.objects.create(organization=organization, user=root, role=Role.OWNER)
    assert begin(operator, own).status_code == 403
    off = make_member(organization, "Uwe", Role.AGENT)
    off.user.is_active = False
    off.user.save(update_fields=["is_active"])
    assert begin(operator, off).status_code == 403
    assert not Impersonation.objects.exists()


def test_a_staff_account_needs_the_permission(agent: Membership, db: None) -> None:
    staff = User.objects.create_user("s@nextflow.example", PASSWORD, name="S", is_staff=True)
    for codename in ("view_membership", "change_membership", "view_impersonation"):
        staff.user_permissions.add(Permission.objects.get(codename=codename))
    client = log_in(staff)
    assert begin(client, agent).status_code == 403
    staff.user_permissions.add(Permission.objects.get(codename="add_impersonation"))
    assert begin(log_in(staff), agent).status_code == 302


def test_looking_changes_nothing(
    operator: Client, agent: Membership, conversation: Conversation
) -> None:
    begin(operator, agent)
    last = conversation.last_seq
    stream = f"conversation:{conversation.pk}"
    tries = [
        ("post", reverse("chat:take_over", args=[conversation.pk])),
        ("post", reverse("chat:close", args=[conversation.pk])),
        ("post", reverse("chat:stream_messages", args=[stream])),
        ("post", reverse("chat:stream_seen", args=[stream])),
        ("post", reverse("chat:inbox_tickets")),
        ("post", reverse("authentication:api_keys")),
        ("patch", reverse("organizations:api_organization")),
        ("delete", reverse("chat:stream_message", args=[stream, conversation.pk])),
    ]
    for method, address in tries:
        answer = getattr(operator, method)(address, {}, content_type="application/json")
        assert (answer.status_code, code_of(answer)) == (403, "impersonating_read_only"), address
    for name in (
        "authentication:set_language",
        "authentication:switch_organization",
        "organizations:profile",
    ):
        answer = operator.post(reverse(name), {"language": "vi", "next": "/"})
        assert answer.status_code == 403
        assert "impersonating_read_only" in answer.content.decode(), name
    conversation.refresh_from_db()
    assert (conversation.last_seq, conversation.assignee_id) == (last, None)
    agent.user.refresh_from_db()
    assert agent.user.language_code == "en"


def test_what_is_a_persons_own_is_closed_to_look_at_too(
    operator: Client, agent: Membership
) -> None:
    begin(operator, agent, may_change=True)
    for name in (
        "mfa_index",
        "mfa_activate_totp",
        "mfa_view_recovery_codes",
        "mfa_download_recovery_codes",
        "account_email",
        "account_change_password",
        "account_reauthenticate",
        "socialaccount_connections",
    ):
        for method in ("get", "post"):
            answer = getattr(operator, method)(reverse(name))
            assert answer.status_code == 403, name
            assert "impersonating_forbidden" in answer.content.decode(), name


def test_who_may_change_does_the_daily_work_and_nothing_else(
    operator: Client, owner: Membership, conversation: Conversation
) -> None:
    begin(operator, owner, may_change=True)
    took = operator.post(take_over(conversation), {}, content_type="application/json")
    assert took.status_code == 200, took.content
    conversation.refresh_from_db()
    assert conversation.assignee_id == owner.user_id
    added = operator.post(
        reverse("customers:customers"), {"name": "Kim"}, content_type="application/json"
    )
    assert added.status_code == 201, added.content
    assert operator.post(get_record("customers").new_url, {"name": "Lee"}).status_code == 302
    customers = get_record("customers")
    (lee,) = customers.visible_to(owner).filter(name="Lee")
    rows = {"rows": f"{lee.pk.hex}:{lee.version}", "language_code": "ru", "action": "language"}
    operator.post(customers.reverse("run_bulk"), rows)
    (action,) = UndoableAction.objects.all()
    undone = operator.post(reverse("core:undo", args=[action.pk]))
    assert undone.status_code == 302
    lee.refresh_from_db()
    assert lee.language_code != "ru"
    team = create_team(by=owner, name="Night", lead_id=None, member_ids=[])
    gone = delete_team(by=owner, team_id=team.pk)
    operator.post(reverse("core:undo", args=[gone]))
    assert not Team.objects.exists()
    closed = [
        reverse("authentication:api_keys"),
        reverse("authentication:api_keys_page"),
        reverse("organizations:members"),
        reverse("organizations:profile"),
        reverse("organizations:roles"),
        reverse("authentication:end_all_others"),
        reverse("compliance:start_export"),
        reverse("chat:add_identity_secret", args=[conversation.widget_id]),
        reverse("chat:notifications"),
        reverse("chat:new_widget"),
        reverse("chat:pause_widget", args=[conversation.widget_id]),
        reverse("chat:api_widgets"),
        reverse("customers:save_view"),
        reverse("customers:default_view"),
        reverse("customers:customers_views"),
    ]
    for address in closed:
        answer = operator.post(address, {})
        assert answer.status_code == 403, address
        assert "impersonating_forbidden" in answer.content.decode(), address
    alerts = operator.patch(
        reverse("chat:inbox_alerts"), {"sound": False}, content_type="application/json"
    )
    assert (alerts.status_code, code_of(alerts)) == (403, "impersonating_forbidden")
    # A message would be in their name, for the customer to read.
    said = operator.post(
        reverse("chat:stream_messages", args=[f"conversation:{conversation.pk}"]),
        {"content": {"type": "text", "text": "Hello"}},
        content_type="application/json",
        headers={"Idempotency-Key": "k-1"},
    )
    assert (said.status_code, code_of(said)) == (403, "impersonating_read_only")


def test_both_are_named_in_the_organizations_audit(
    operator: Client, root: User, owner: Membership, conversation: Conversation
) -> None:
    begin(operator, owner, may_change=True)
    operator.post(take_over(conversation), {}, content_type="application/json")
    operator.post(STOP)
    (started,) = entries(owner.organization_id, "impersonation.started")
    (changed,) = entries(owner.organization_id, "conversation.updated")
    (ended,) = entries(owner.organization_id, "impersonation.ended")
    person, behalf = str(owner.user_id), {"on_behalf_of": str(owner.user_id)}
    assert (started.actor_id, started.object_id) == (str(root.pk), person)
    assert values_of(started).data["reason"] == [None, REASON]
    assert (changed.actor_kind, changed.actor_id) == ("user", str(root.pk))
    assert changed.details.items() >= behalf.items()
    assert (ended.actor_id, ended.details["changes"]["ended_because"]) == (
        str(root.pk),
        ["", "stopped"],
    )
    assert findings(owner.organization_id) == []
    # Its administrators read it, in words.
    client = log_in(owner.user)
    page = client.get(reverse("compliance:audit")).content.decode()
    assert "Operator works as a person" in page
    assert "Rita (operator) as Olga" in page
    assert REASON in page


def test_a_job_names_both_and_ends_with_the_impersonation(
    operator: Client, root: User, owner: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "queue_job", lambda *_ids: None)
    monkeypatch.setattr(pages, "AT_ONCE", 1)
    monkeypatch.setattr(bulk_jobs, "BATCH", 1)
    for name in ("Kim", "Lee", "Mai"):
        Customer.objects.create(organization=owner.organization, name=name)
    begin(operator, owner, may_change=True)
    state = json.dumps(ListState(get_record("customers")).stored())
    sent = {"action": "language", "state": state, "asked": str(uuid7()), "language_code": "ru"}
    address = f"{get_record('customers').list_url}bulk/run/"
    assert operator.post(address, sent).status_code == 302
    job = Job.objects.get()
    assert run_job(job_id=job.pk, seconds=0)
    operator.post(STOP)
    finish(job)
    assert (job.state, job.error_code, job.done) == ("failed", "job_starter_gone", 1)
    (changed,) = entries(owner.organization_id, "customer.updated")
    assert (changed.actor_kind, changed.actor_id) == ("user", str(root.pk))
    assert changed.details["on_behalf_of"] == str(owner.user_id)


@pytest.mark.parametrize("may_change", [False, True])
def test_no_file_is_fetched_as_somebody(
    operator: Client, owner: Membership, *, may_change: bool
) -> None:
    job = finish(start_job(by=owner, kind=COUNTING, data={"to": 3}))
    begin(operator, owner, may_change=may_change)
    files = {
        "get": [
            f"/api/v1/jobs/{job.pk}/files/result",
            f"/api/v1/imports/{uuid7()}/faults",
        ],
        "post": [
            reverse("jobs:fetch", args=[job.pk]),
            reverse("transfer:faults", args=[uuid7()]),
        ],
    }
    assert operator.get(f"/api/v1/jobs/{job.pk}").status_code == 200
    code = "impersonating_forbidden"
    for address in files["get"]:
        answer = operator.get(address)
        assert (answer.status_code, code_of(answer)) == (403, code), address
    for address in files["post"]:
        assert operator.post(address).status_code == 403, address
    # In their own name, where it stands in the audit, they fetch what they may view.
    operator.post(STOP)
    fetch = reverse("admin:jobs_job_fetch", args=[job.pk])
    assert downloaded(operator.post(fetch)) == b"0\n1\n2\n"


def test_files_are_handed_out_in_one_place() -> None:
    """A way around `download` would not ask who is behind the principal."""
    handing_out = {
        str(found.relative_to(ROOT))
        for app in ("crm", "chat", "knowledge")
        for found in (ROOT / app).rglob("*.py")
        if re.search(r"(StreamingHttp|File)Response\(|\bchunks_of\(", found.read_text())
    }
    assert handing_out == {"crm/core/jobs/downloads.py", "crm/core/jobs/services.py"}


def test_stop_makes_them_themselves_again(operator: Client, agent: Membership) -> None:
    begin(operator, agent)
    # Here is no way to the admin but Stop.
    assert operator.get(ADMIN).status_code == 302
    refused = operator.get(reverse("admin:login"))
    assert refused.status_code == 403
    assert STOP in refused.content.decode()
    assert operator.get(STOP).status_code == 405
    stopped = operator.post(STOP)
    assert stopped["Location"] == reverse("admin:organizations_membership_change", args=[agent.pk])
    assert operator.get(stopped["Location"]).status_code == 200
    assert BANNER not in operator.get(INBOX, follow=True).content.decode()
    assert (the_one().ended_because, SESSION_KEY in operator.session) == ("stopped", False)
    assert operator.post(STOP)["Location"] == ADMIN


def test_it_is_over_after_its_time(operator: Client, agent: Membership) -> None:
    begin(operator, agent, may_change=True)
    Impersonation.objects.update(ends_at=timezone.now())
    refused = operator.post(reverse("chat:first_message"), {}, content_type="application/json")
    assert (refused.status_code, code_of(refused)) == (403, "impersonation_over")
    assert BANNER not in operator.get(INBOX, follow=True).content.decode()
    assert the_one().ended_because == ImpersonationEndReason.LAPSED
    assert operator.get(ADMIN).status_code == 200


def test_one_that_nobody_comes_back_to_is_ended_too(operator: Client, agent: Membership) -> None:
    begin(operator, agent)
    Impersonation.objects.update(ends_at=timezone.now())
    end_lapsed()
    assert the_one().ended_because == ImpersonationEndReason.LAPSED
    (ended,) = entries(agent.organization_id, "impersonation.ended")
    assert ended.actor_id == str(the_one().operator_id)


def test_an_operator_who_leaves_the_page_alone_is_themselves_again(
    operator: Client, agent: Membership
) -> None:
    begin(operator, agent)
    session = operator.session
    session["operator_seen"] -= 31 * 60
    session.save()
    assert BANNER not in operator.get(INBOX, follow=True).content.decode()
    assert the_one().ended_because == ImpersonationEndReason.LAPSED
    assert operator.get(ADMIN).status_code == 302


def test_logging_out_ends_it_and_the_operators_session(operator: Client, agent: Membership) -> None:
    begin(operator, agent)
    record = operator.session[RECORD_KEY]
    operator.post(reverse("authentication:log_out"))
    assert the_one().ended_because == ImpersonationEndReason.LOGGED_OUT
    assert UserSession.objects.get(pk=record).ended_because == EndReason.LOGGED_OUT
    assert operator.get(INBOX).status_code == 302


def test_revoking_the_operators_session_ends_it(
    operator: Client, root: User, agent: Membership
) -> None:
    begin(operator, agent)
    assert live_logins([str(the_one().pk)])
    end_access(user_id=root.pk, because=EndReason.REVOKED)
    assert the_one().ended_because == ImpersonationEndReason.LOGGED_OUT
    assert not live_logins([str(the_one().pk)])
    assert operator.get(INBOX).status_code == 302


@pytest.mark.parametrize("what", ["is_staff", "is_active"])
def test_an_operator_who_is_none_any_more_is_out_midway(
    operator: Client, root: User, agent: Membership, what: str
) -> None:
    begin(operator, agent)
    User.objects.filter(pk=root.pk).update(**{what: False})
    assert BANNER not in operator.get(INBOX, follow=True).content.decode()
    if what == "is_staff":
        assert the_one().ended_because == ImpersonationEndReason.NOT_ALLOWED


def test_a_person_who_becomes_an_operator_is_seen_as_no_longer(
    operator: Client, agent: Membership
) -> None:
    begin(operator, agent)
    User.objects.filter(pk=agent.user_id).update(is_staff=True)
    assert operator.get(ADMIN).status_code == 200
    assert BANNER not in operator.get(INBOX, follow=True).content.decode()
    assert the_one().ended_because == ImpersonationEndReason.NOT_ALLOWED


def test_the_persons_sessions_are_theirs_alone(
    operator: Client, root: User, agent: Membership
) -> None:
    own = log_in(agent.user)
    begin(operator, agent)
    operator.get(INBOX)
    assert UserSession.objects.filter(user=agent.user).count() == 1
    assert UserSession.objects.filter(user=root).count() == 1
    # Theirs is not touched by what the operator does.
    operator.post(STOP)
    assert own.get(INBOX).status_code == 200


def test_only_one_at_a_time(operator: Client, agent: Membership, colleague: Membership) -> None:
    begin(operator, agent)
    # From inside there is no page to begin another one.
    assert begin(operator, colleague).status_code == 403
    assert Impersonation.objects.count() == 1
    operator.post(STOP)
    begin(operator, colleague)
    live = Impersonation.objects.live()
    assert [each.user_id for each in live] == [colleague.user_id]


def test_an_organizations_rule_asks_the_person_and_not_the_operator(
    operator: Client, agent: Membership
) -> None:
    Organization.objects.update(requires_second_factor=True)
    begin(operator, agent)
    assert operator.get(INBOX).status_code == 200


def test_no_note_is_written_changed_or_deleted_in_somebodys_name(
    operator: Client, owner: Membership
) -> None:
    customers = get_record("customers")
    row = customers.create(by=owner, name="Kim")
    note = create_note(by=owner, record=customers, row_id=row.pk, text="Called.")
    gone = create_note(by=owner, record=customers, row_id=row.pk, text="Wrong.")
    undo_id = delete_note(by=owner, record=customers, row_id=row.pk, note_id=gone.pk)
    begin(operator, owner, may_change=True)
    page = operator.get(customers.url_of(row)).content.decode()
    assert "Called." in page
    for name, ids in (("add_note", ()), ("edit_note", (note.pk,)), ("delete_note", (note.pk,))):
        address = customers.reverse(name, row.pk, *ids)
        assert f'"{address}"' not in page
        sent = {"text": "Not hers.", "_version": str(note.version)}
        answer = operator.post(address, sent)
        assert (answer.status_code, code_of(answer)) == (403, "impersonating_read_only"), name
    notes = reverse("customers:customer_notes", args=[row.pk])
    one = reverse("customers:customer_note", args=[row.pk, note.pk])
    for act, address in ((operator.post, notes), (operator.patch, one), (operator.delete, one)):
        answer = act(address, {"text": "Not hers."}, content_type="application/json")
        assert (answer.status_code, code_of(answer)) == (403, "impersonating_read_only"), address
    operator.post(reverse("core:undo", args=[undo_id]))
    note.refresh_from_db()
    assert (note.text, Note.objects.count()) == ("Called.", 1)


def test_they_are_not_shown_as_online_by_a_page(operator: Client, agent: Membership) -> None:
    begin(operator, agent, may_change=True)
    answer = operator.post(reverse("chat:presence"))
    assert (answer.status_code, answer.json()) == (200, {"is_online": False})
    assert presence.online(agent.organization_id) == []
