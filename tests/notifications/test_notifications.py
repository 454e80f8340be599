"""Notifications: who is told of what, once, by which way; read, settings, retention."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.db.models import DateTimeField, ExpressionWrapper, Value
from django.db.models.functions import Now, Random
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat.models import Conversation
from chat.services import assign
from crm.core import tenancy
from crm.core.database.owner import as_owner
from crm.core.errors import InvalidField
from crm.core.mail.models import Mail
from crm.core.notifications import services
from crm.core.notifications.kinds import find_kind, present
from crm.core.notifications.models import Notification
from crm.core.notifications.people import mentioned
from crm.core.notifications.services import (
    MAX_KEPT,
    change_notification_settings,
    mark_read,
    notify,
    purge_notifications,
    unread_count,
)
from crm.core.records import get_record
from crm.core.records.notes import create_note, update_note
from crm.core.records.notices import ASSIGNED, MENTIONED
from crm.core.versions import EditedMeanwhile
from crm.customers.models import Customer
from crm.organizations.models import CustomRole, Membership, Organization, Role
from tests.api.conftest import Api
from tests.conftest import make_member
from tests.jobs.counting import COUNTING, finish

pytestmark = pytest.mark.django_db
CUSTOMERS = get_record("customers")
UMBRELLAS = get_record("umbrellas")


def told(member: Membership) -> list[str]:
    rows = Notification.objects.visible_to(member).order_by("-created_at", "-pk")
    return [shown.text for shown in present(member, rows)]


CUSTOMER_ID = UUID(int=1)


def tell(
    member: Membership, key: str, subject_id: UUID = CUSTOMER_ID, **more: object
) -> list[Notification]:
    return notify(
        organization_id=member.organization_id,
        kind=ASSIGNED,
        key=key,
        subject="customers",
        subject_id=subject_id,
        user_ids=[member.user_id],
        **more,  # type: ignore[arg-type]
    )


# --- Who is told of what --------------------------------------------------------------------------


def test_who_started_a_task_hears_of_its_end_once(owner: Membership) -> None:
    from crm.core.jobs.services import end_job, start_job
    from crm.core.jobs.signals import job_event

    job = finish(start_job(by=owner, kind=COUNTING, data={"to": 2}))
    assert told(owner) == ["Finished: Counting"]
    (shown,) = present(owner, Notification.objects.all())
    assert shown.url == f"/app/settings/jobs/{job.pk}/"
    job_event.send(sender=type(job), job=job, event="done")
    assert Notification.objects.count() == 1
    failed = start_job(by=owner, kind=COUNTING, data={"to": 2})
    end_job(failed, "failed", error_code="x", error="It broke.")  # type: ignore[arg-type]
    cancelled = start_job(by=owner, kind=COUNTING, data={"to": 2})
    end_job(cancelled, "cancelled")  # type: ignore[arg-type]
    assert told(owner) == ["Failed: Counting", "Finished: Counting"]


def test_an_assigned_conversation_is_told_to_its_assignee_but_not_to_who_took_it(
    conversation: Conversation, owner: Membership, agent: Membership
) -> None:
    named = {"organization_id": owner.organization_id, "conversation_id": conversation.pk}
    assign(**named, assignee_id=agent.user_id, by=owner)
    assign(**named, assignee_id=agent.user_id, by=owner)
    assign(**named, assignee_id=owner.user_id, by=owner)
    assert told(agent) == ["Olga assigned to you: Minh"]
    (shown,) = present(agent, Notification.objects.visible_to(agent))
    # It is somebody else's by now, and the agent sees it all the same: the level is "team".
    assert shown.url in {"", f"/app/inbox/{conversation.pk}/"}
    assert told(owner) == []


def test_a_new_owner_of_a_record_is_told_and_must_be_a_member(
    owner: Membership, agent: Membership, stranger: Membership
) -> None:
    umbrella = UMBRELLAS.create(by=owner, name="Big one")
    UMBRELLAS.update(by=owner, pk=umbrella.pk, owner_id=agent.user_id)
    UMBRELLAS.update(by=owner, pk=umbrella.pk, ribs=16)
    assert told(agent) == ["Olga assigned to you: Big one"]
    for nobody in (stranger.user_id, UUID(int=7)):
        with pytest.raises(InvalidField):
            UMBRELLAS.update(by=owner, pk=umbrella.pk, owner_id=nobody)
    assert told(owner) == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@Linh Trần please", ["Linh Trần"]),
        ("@linh tran, please (@Marco)", ["Linh Trần", "Marco"]),
        ("@Trần", ["Linh Trần"]),
        ("mail@linh.example @@Linh", []),
        ("@Li", []),
        ("@Nobody", []),
        ("Ask @Marco\n@MARCO", ["Marco"]),
        ("so\u2014@Marco, and/or/@Linh Trần", ["Linh Trần", "Marco"]),
        ("👍@Marco \u2013@Linh", ["Linh Trần", "Marco"]),
        ("@(Marco) @ Marco @«Linh» a_@Marco", []),
    ],
)
def test_members_are_named_in_a_note(
    owner: Membership, colleague: Membership, text: str, names: list[str]
) -> None:
    make_member(owner.organization, "Linh Trần", Role.AGENT)
    found = mentioned(owner.organization_id, text)
    assert sorted(each.actor_name for each in found) == names


def test_of_names_that_are_alike_the_longest_and_all_of_it_are_meant(owner: Membership) -> None:
    for name in ("An Lê", "An Lê Minh", "An Vũ"):
        make_member(owner.organization, name, Role.AGENT)
    organization_id = owner.organization_id

    def names(text: str) -> list[str]:
        return [each.actor_name for each in mentioned(organization_id, text)]

    assert names("@An Lê Minh hello") == ["An Lê Minh"]
    assert names("@An Lê hello") == ["An Lê"]
    assert names("@An hello") == []


@pytest.mark.parametrize(
    "name", ["★ Лена Иванова", "«Зевс» Пётр", "(HN) Mai Lê", "_Ann_ Lee", "🌸Hoa Trần", "'Bob Ray"]
)
def test_a_name_that_begins_with_a_sign_is_read_as_it_is_offered(
    owner: Membership, name: str
) -> None:
    make_member(owner.organization, name, Role.AGENT)
    make_member(owner.organization, name.strip("★🌸'").strip() + " Other", Role.AGENT)

    def names(text: str) -> list[str]:
        return [each.actor_name for each in mentioned(owner.organization_id, text)]

    assert names(f"Ask @{name} about it") == [name]
    assert names(f"Ask \u2014@{name}, please") == [name]


def test_names_that_differ_in_their_accents_are_two(owner: Membership) -> None:
    for name in ("Nguyễn Bò", "Nguyễn Bơ"):
        make_member(owner.organization, name, Role.AGENT)

    def names(text: str) -> list[str]:
        return sorted(each.actor_name for each in mentioned(owner.organization_id, text))

    assert names("@Nguyễn Bơ, please") == ["Nguyễn Bơ"]
    assert names("@BÒ?") == ["Nguyễn Bò"]
    # Written without them, both may be meant.
    assert names("@nguyen bo") == ["Nguyễn Bò", "Nguyễn Bơ"]


def test_a_note_tells_whom_it_mentions_if_they_may_see_its_row(
    customer: Customer,
    owner: Membership,
    colleague: Membership,
    stranger: Membership,
    organization: Organization,
) -> None:
    blind = make_member(organization, "Blind", Role.AGENT)
    blind.custom_role = CustomRole.objects.create(
        organization=organization, name="Inbox only", grants={"inbox": {"read": "all"}}
    )
    blind.save()
    text = "@Marco @Blind @Sam @Olga look at this"
    note = create_note(by=owner, record=CUSTOMERS, row_id=customer.pk, text=text)
    assert told(colleague) == ["Olga mentioned you in a note on: Minh"]
    assert told(blind) == told(owner) == []
    assert Notification.objects.count() == 1
    where = {"record": CUSTOMERS, "row_id": customer.pk, "note_id": note.pk}
    update_note(by=owner, version=None, text=f"{text}.", **where)  # type: ignore[arg-type]
    assert Notification.objects.count() == 1
    (shown,) = present(colleague, Notification.objects.all())
    assert (shown.url, shown.quote) == (CUSTOMERS.url_of(customer), f"{text}.")


def test_what_the_reader_lost_sight_of_is_not_named(
    customer: Customer, owner: Membership, colleague: Membership, organization: Organization
) -> None:
    create_note(by=owner, record=CUSTOMERS, row_id=customer.pk, text="@Marco, secret words")
    colleague.custom_role = CustomRole.objects.create(
        organization=organization, name="Inbox only", grants={"inbox": {"read": "all"}}
    )
    colleague.save()
    (shown,) = present(colleague, Notification.objects.all())
    assert "Minh" not in shown.text
    assert (shown.url, shown.quote) == ("", "")


def test_nothing_is_told_of_what_was_rolled_back(owner: Membership) -> None:
    with transaction.atomic():
        tell(owner, "a")
        transaction.set_rollback(True)
    assert told(owner) == []


# --- Ways and settings ----------------------------------------------------------------------------


def test_a_member_chooses_each_way_of_each_kind(customer: Customer, colleague: Membership) -> None:
    tell(colleague, "a")
    assert not Mail.objects.exists()
    change_notification_settings(by=colleague, shown=["assigned"], emailed=["assigned"])
    tell(colleague, "b")
    tell(colleague, "b")
    (mail,) = Mail.objects.all()
    assert (mail.to, mail.kind) == (colleague.user.email, "notification")
    assert unread_count(colleague) == 2
    change_notification_settings(by=colleague, shown=[], emailed=["assigned"])
    another = UUID(int=2)
    tell(colleague, "c", subject_id=another)
    tell(colleague, "c", subject_id=another)
    assert (unread_count(colleague), Mail.objects.count()) == (2, 2)
    change_notification_settings(by=colleague, shown=[], emailed=[])
    assert tell(colleague, "d") == []


def test_many_facts_of_one_subject_send_one_email_and_push_out_no_other_kind(
    customer: Customer, owner: Membership, colleague: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MAX_KEPT", 3)
    change_notification_settings(by=colleague, emailed=["mentioned"])
    tell(colleague, "a")
    for number in range(5):
        create_note(by=owner, record=CUSTOMERS, row_id=customer.pk, text=f"@Marco, see {number}")
    assert Mail.objects.count() == 1
    assert Notification.objects.filter(kind="mentioned").count() == 5
    with tenancy.all_tenants("test"):
        purge_notifications()
    kinds = Notification.objects.order_by("kind").values_list("kind", flat=True)
    assert list(kinds) == ["assigned", "mentioned", "mentioned", "mentioned"]


def test_emails_of_an_hour_have_an_end(
    organization: Organization,
    owner: Membership,
    colleague: Membership,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(services, "EMAILS_PER_HOUR", 2)
    change_notification_settings(by=colleague, emailed=["mentioned"])
    for number in range(4):
        one = Customer.objects.create(organization=organization, name=f"C{number}")
        create_note(by=owner, record=CUSTOMERS, row_id=one.pk, text="@Marco, look")
    assert Mail.objects.count() == 2
    assert unread_count(colleague) == 4


def test_an_email_goes_only_to_who_may_come_in(colleague: Membership) -> None:
    change_notification_settings(by=colleague, emailed=["assigned"])
    Membership.objects.filter(pk=colleague.pk).update(is_active=False)
    tell(colleague, "a")
    assert not Mail.objects.exists()


def test_two_tabs_do_not_overwrite_each_others_settings(owner: Membership, client: Client) -> None:
    client.force_login(owner.user)
    address = "/app/settings/notification-kinds/"
    page = client.get(address).content.decode()
    assert 'name="shown:assigned"' in page
    own = change_notification_settings(by=owner, shown=["assigned"], emailed=[])
    with pytest.raises(EditedMeanwhile):
        change_notification_settings(by=owner, shown=[], version=own.version + 1)
    answer = client.post(address, {"_version": "0", "emailed:assigned": "on"})
    assert answer.status_code == 409
    answer = client.post(
        address, {"_version": str(own.version), "shown:mentioned": "on", "emailed:assigned": "on"}
    )
    assert answer.status_code == 302
    own.refresh_from_db()
    assert "mentioned" not in own.hidden
    assert own.emailed == ["assigned"]


def test_kinds_have_labels_and_sentences() -> None:
    for name in ("assigned", "mentioned", "job.done", "job.failed"):
        kind = find_kind(name)
        assert kind is not None
        assert "Title" in kind.say("Actor", "Title")
    assert MENTIONED.is_emailed is False


# --- Reading --------------------------------------------------------------------------------------


def test_the_page_opens_what_a_notification_is_about_and_marks_it_read(
    customer: Customer, owner: Membership, colleague: Membership, client: Client
) -> None:
    for number in range(35):
        create_note(by=owner, record=CUSTOMERS, row_id=customer.pk, text=f"@Marco, no. {number}")
    client.force_login(colleague.user)
    page = client.get("/app/notifications/")
    assert page.content.decode().count('class="notification is-unread"') == 30
    assert "data-notification-count>35<" in page.content.decode()
    more = client.get("/app/notifications/" + page.context["next_url"])
    assert more.content.decode().count('class="notification is-unread"') == 5
    first = page.context["rows"][0].notification
    answer = client.post(f"/app/notifications/{first.pk}/open/")
    assert answer["Location"] == CUSTOMERS.url_of(customer)
    assert unread_count(colleague) == 34
    unread = client.get("/app/notifications/?show=unread")
    assert first.pk not in {each.notification.pk for each in unread.context["rows"]}
    client.post("/app/notifications/read/")
    assert unread_count(colleague) == 0
    client.force_login(owner.user)
    assert client.post(f"/app/notifications/{first.pk}/open/").status_code == 404
    assert client.get("/app/notifications/?after=x").status_code == 400


def test_the_page_takes_as_many_queries_however_long_it_is(
    customer: Customer, owner: Membership, colleague: Membership, client: Client
) -> None:
    client.force_login(colleague.user)
    counts = []
    for count in (2, 20):
        for number in range(count):
            create_note(by=owner, record=CUSTOMERS, row_id=customer.pk, text=f"@Marco {number}")
        client.get("/app/notifications/")
        with CaptureQueriesContext(connection) as queries:
            client.get("/app/notifications/")
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 12


def test_the_api_lists_reads_and_chooses(
    customer: Customer, owner: Membership, colleague: Membership
) -> None:
    for number in range(3):
        create_note(by=owner, record=CUSTOMERS, row_id=customer.pk, text=f"@Marco, {number}")
    api = Api(colleague)
    listed = api.get("/api/v1/notifications?limit=2").json()
    assert [each["quote"] for each in listed["results"]] == ["@Marco, 2", "@Marco, 1"]
    assert listed["results"][0]["subject_id"] == str(customer.pk)
    more = api.get(f"/api/v1/notifications?limit=2&cursor={listed['next_cursor']}").json()
    assert len(more["results"]) == 1
    read = api.post("/api/v1/notifications/read", {"ids": [listed["results"][0]["id"]]}).json()
    assert read == {"read": 1, "unread": 2}
    assert len(api.get("/api/v1/notifications?unread=true").json()["results"]) == 2
    assert api.post("/api/v1/notifications/read", {}).json() == {"read": 2, "unread": 0}
    assert Api(owner).get("/api/v1/notifications").json()["results"] == []
    settings = api.get("/api/v1/notifications/settings")
    etag = settings["ETag"]
    changed = api.patch("/api/v1/notifications/settings", {"emailed": ["mentioned"]}, If_Match=etag)
    assert changed.status_code == 200
    on = {each["kind"] for each in changed.json()["kinds"] if each["is_emailed"]}
    assert on == {"mentioned"}
    stale = api.patch("/api/v1/notifications/settings", {"shown": []}, If_Match=etag)
    assert stale.status_code == 412
    wrong = api.patch("/api/v1/notifications/settings", {"shown": ["nothing"]})
    assert wrong.status_code == 400


def test_an_api_key_is_told_nothing(owner: Membership) -> None:
    from crm.authentication.services.api_keys import create_api_key

    made = create_api_key(by=owner, name="Program", scopes=["customers:read"], expires_at=None)
    client = Client(headers={"Authorization": f"Bearer {made.text}"})
    answer = client.get("/api/v1/notifications")
    assert (answer.status_code, answer.json()["code"]) == (403, "person_required")


# --- The store ------------------------------------------------------------------------------------


def test_old_ones_and_those_beyond_the_newest_are_deleted(owner: Membership) -> None:
    def rows(count: int) -> list[Notification]:
        return [
            Notification(
                organization_id=owner.organization_id,
                user_id=owner.user_id,
                kind="assigned",
                key=f"{number}",
                subject="customers",
                subject_id=UUID(int=1),
            )
            for number in range(count)
        ]

    made = Notification.objects.bulk_create(rows(MAX_KEPT + 5))
    old = timezone.now() - timedelta(days=91)
    Notification.objects.filter(pk=made[-1].pk).update(created_at=old)
    with tenancy.all_tenants("test"):
        assert purge_notifications() == 5
    assert Notification.objects.count() == MAX_KEPT
    assert mark_read(by=owner) == MAX_KEPT


@pytest.mark.django_db(transaction=True)
def test_count_and_page_are_read_from_their_indexes(
    organization: Organization, owner: Membership, stranger: Membership
) -> None:
    members = [make_member(organization, f"Member {number}", Role.AGENT) for number in range(40)]
    for member in (owner, stranger, *members):
        Notification.objects.bulk_create(
            Notification(
                organization_id=member.organization_id,
                user_id=member.user_id,
                kind="assigned",
                key=str(number),
                subject="customers",
                subject_id=UUID(int=1),
                read_at=timezone.now() if number % 100 else None,
            )
            for number in range(MAX_KEPT if member is owner else 300)
        )
    # Everybody is told something all the time.
    past = Now() - Random() * Value(timedelta(days=80))
    Notification.objects.update(created_at=ExpressionWrapper(past, DateTimeField()))
    with as_owner() as outer, outer.cursor() as cursor:
        cursor.execute("ANALYZE notifications_notification")
    with tenancy.organization(organization.pk):
        own = Notification.objects.visible_to(owner)
        assert "notifications_of_member" in own.order_by("-created_at", "-pk")[:31].explain()
        assert "notifications_unread" in own.unread().values("pk")[:100].explain()
        theirs = Notification.objects.filter(user_id=stranger.user_id)
        assert not theirs.exists()
