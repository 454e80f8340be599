"""Where one is logged in, how long that lasts, and how it ends: at once, everywhere."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from allauth.account.signals import password_changed
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from chat.authentication import agent_of_cookie
from crm.authentication.errors import AccessEnded
from crm.authentication.models import EndReason, SecuritySettings, TokenFamily, UserSession
from crm.authentication.principals import live_logins, session_membership
from crm.authentication.services import sessions
from crm.authentication.services.access import end_access
from crm.authentication.services.sessions import RECORD_KEY, purge_ended_sessions, session_of_key
from crm.authentication.tasks import purge_log_ins
from crm.core import stores
from crm.core.sessions import SessionStore, cache_key_of
from crm.organizations.models import Membership, Organization, User
from crm.organizations.services.members import deactivate_member
from tests.conftest import PASSWORD

# What ends a session is told after the commit.
pytestmark = pytest.mark.django_db(transaction=True)

INBOX = reverse("chat:inbox")
SESSIONS = reverse("authentication:sessions")
LOG_IN = reverse("authentication:log_in")
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0"


def browser(membership: Membership, agent: str = FIREFOX) -> Client:
    client = Client(HTTP_USER_AGENT=agent)
    form = {"email": membership.user.email, "password": PASSWORD}
    assert client.post(LOG_IN, form).status_code == 302
    return client


def is_in(client: Client) -> bool:
    return client.get(INBOX).status_code == 200


def record_of(client: Client) -> UserSession:
    return UserSession.objects.get(pk=client.session[RECORD_KEY])


def test_who_logs_in_over_somebody_ends_their_session(
    agent: Membership, colleague: Membership
) -> None:
    client = browser(agent)
    before = record_of(client)
    client.post(LOG_IN, {"email": agent.user.email, "password": PASSWORD})
    assert record_of(client) == before
    assert is_in(client)
    client.post(LOG_IN, {"email": colleague.user.email, "password": PASSWORD})
    assert record_of(client).user_id == colleague.user_id
    assert is_in(client)
    before.refresh_from_db()
    assert before.ended_because == EndReason.LOGGED_OUT
    assert live_logins([str(before.pk)]) == {}


def later(record: UserSession, *, unused: timedelta = timedelta(0), old: timedelta) -> None:
    """Let a session be so old, and last used so long ago."""
    now = timezone.now()
    UserSession.objects.filter(pk=record.pk).update(created_at=now - old, last_used_at=now - unused)
    cache.clear()


def test_a_log_in_is_recorded_with_device_address_and_organization(agent: Membership) -> None:
    client = browser(agent)
    record = record_of(client)
    assert (record.device, record.address) == ("Firefox · Windows", "127.0.0.1")
    assert (record.user_id, record.organization_id) == (agent.user_id, agent.organization_id)
    assert record.key == client.session.session_key
    assert record.ended_at is None


def test_the_page_lists_ones_own_sessions_and_nobody_elses(
    agent: Membership, colleague: Membership
) -> None:
    client, other = browser(agent), browser(agent, "curl/8.5.0")
    browser(colleague, "secret-program/1.0")
    page = client.get(SESSIONS).content.decode()
    assert page.count("Firefox · Windows") == 1
    assert "this browser" in page
    assert "curl" in page
    assert "secret-program" not in page
    assert record_of(client).key not in page
    assert record_of(other).key not in page


def test_a_known_session_costs_no_query_of_its_own(
    agent: Membership, django_assert_max_num_queries
) -> None:
    client = browser(agent)
    client.get(INBOX)
    with django_assert_max_num_queries(4) as asked:
        assert client.get(reverse("organizations:me")).status_code == 200
    assert not any("usersession" in query["sql"] for query in asked.captured_queries)


def test_use_is_noted_once_a_minute(agent: Membership) -> None:
    client = browser(agent)
    record = record_of(client)
    client.get(INBOX)
    record.refresh_from_db()
    assert record.last_used_at == record.created_at
    later(record, unused=timedelta(minutes=2), old=timedelta(hours=1))
    client.get(INBOX, REMOTE_ADDR="192.0.2.9")
    record.refresh_from_db()
    assert timezone.now() - record.last_used_at < timedelta(minutes=1)
    assert record.address == "192.0.2.9"


def test_one_session_can_be_ended_and_the_others_go_on(agent: Membership) -> None:
    mine, lost = browser(agent), browser(agent)
    answer = mine.post(reverse("authentication:end_session", args=[record_of(lost).pk]))
    assert answer["Location"] == SESSIONS
    assert (is_in(mine), is_in(lost)) == (True, False)
    ended = UserSession.objects.get(ended_at__isnull=False)
    assert ended.ended_because == EndReason.REVOKED
    assert not Session.objects.filter(session_key=ended.key).exists()


def test_a_strangers_session_cannot_be_ended(agent: Membership, colleague: Membership) -> None:
    mine, theirs = browser(agent), browser(colleague)
    mine.post(reverse("authentication:end_session", args=[record_of(theirs).pk]))
    assert is_in(theirs)


def test_all_others_can_be_ended_with_the_programs(agent: Membership, client: Client) -> None:
    mine, lost = browser(agent), browser(agent)
    body = {"email": agent.user.email, "password": PASSWORD}
    tokens = client.post(reverse("authentication:tokens"), body, "application/json").json()
    mine.post(reverse("authentication:end_all_others"))
    assert (is_in(mine), is_in(lost)) == (True, False)
    assert TokenFamily.objects.live().count() == 0
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert client.get(reverse("organizations:me"), headers=header).status_code == 401


def test_a_cached_copy_of_an_ended_session_opens_nothing(agent: Membership) -> None:
    client = browser(agent)
    record = record_of(client)
    name = cache_key_of(record.key)
    copy = cache.get(name)
    assert copy is not None
    end_access(user_id=agent.user_id, because=EndReason.DEACTIVATED)
    cache.set(name, copy)
    assert not is_in(client)
    cache.set(name, copy)
    cache.delete(f"user-session:{record.pk}")
    assert not is_in(client)


def test_what_redis_forgot_is_asked_of_postgresql(agent: Membership) -> None:
    client, lost = browser(agent), browser(agent)
    UserSession.objects.filter(pk=record_of(lost).pk).update(ended_at=timezone.now())
    stores.redis().flushdb()
    assert (is_in(client), is_in(lost)) == (True, False)


@pytest.mark.parametrize(
    ("unused", "old", "is_over"),
    [
        (timedelta(minutes=29), timedelta(hours=7), False),
        (timedelta(minutes=32), timedelta(hours=7), True),
        (timedelta(0), timedelta(hours=8, minutes=1), True),
    ],
)
def test_the_organizations_rules_end_a_session(
    agent: Membership, unused: timedelta, old: timedelta, *, is_over: bool
) -> None:
    SecuritySettings.objects.create(
        organization=agent.organization, session_hours=8, idle_minutes=30
    )
    client = browser(agent)
    record = record_of(client)
    later(record, unused=unused, old=old)
    assert is_in(client) is not is_over
    record.refresh_from_db()
    assert record.ended_because == (EndReason.LAPSED if is_over else "")
    assert (str(record.pk) in live_logins([str(record.pk)])) is not is_over


def test_another_organizations_rules_hold_where_one_moves(
    agent: Membership, stranger_organization: Organization
) -> None:
    Membership.objects.create(organization=stranger_organization, user=agent.user, role="agent")
    SecuritySettings.objects.create(
        organization=stranger_organization, session_hours=1, idle_minutes=30
    )
    client = browser(agent)
    later(record_of(client), old=timedelta(hours=2))
    assert is_in(client)
    form = {"organization": str(stranger_organization.pk)}
    client.post(reverse("authentication:switch_organization"), form)
    assert not is_in(client)


@pytest.mark.parametrize("old", [timedelta(minutes=10), timedelta(hours=2)])
def test_another_organizations_rules_hold_where_a_session_falls_back(
    agent: Membership, owner: Membership, stranger_organization: Organization, old: timedelta
) -> None:
    Membership.objects.create(organization=stranger_organization, user=agent.user, role="agent")
    SecuritySettings.objects.create(
        organization=stranger_organization, session_hours=1, idle_minutes=30
    )
    client = browser(agent)
    record = record_of(client)
    deactivate_member(by=owner, membership_id=agent.pk)
    later(record, old=old)
    is_over = old > timedelta(hours=1)
    # What asks without a page, such as a long poll, is told the same.
    asked = session_of_key(client.session.session_key or "")
    found = session_membership(asked.session, agent.user)
    assert (found is None) is is_over
    assert is_in(client) is not is_over
    record.refresh_from_db()
    assert record.organization_id == stranger_organization.pk
    assert record.ended_because == (EndReason.LAPSED if is_over else "")


def test_a_new_password_ends_everything_but_the_session_it_was_made_in(
    agent: Membership,
) -> None:
    mine, lost = browser(agent), browser(agent)
    request = RequestFactory().post("/")
    request.session = mine.session
    request.user = agent.user
    password_changed.send(sender=type(agent.user), request=request, user=agent.user)
    assert (is_in(mine), is_in(lost)) == (True, False)
    ended = UserSession.objects.get(ended_at__isnull=False)
    assert ended.ended_because == EndReason.PASSWORD_CHANGED


def test_logging_out_ends_the_record(agent: Membership) -> None:
    client = browser(agent)
    client.post(reverse("authentication:log_out"))
    assert UserSession.objects.get().ended_because == EndReason.LOGGED_OUT


def test_what_is_over_for_long_is_dropped(agent: Membership) -> None:
    client, gone = browser(agent), browser(agent)
    UserSession.objects.filter(pk=record_of(gone).pk).update(
        ended_at=timezone.now() - timedelta(days=91)
    )
    assert purge_ended_sessions() == 1
    assert UserSession.objects.get() == record_of(client)


def test_only_settings_people_change_the_rules(agent: Membership, owner: Membership) -> None:
    form = {"session_hours": 8, "idle_minutes": 15, "_version": 1}
    page = reverse("authentication:log_in_rules")
    assert browser(agent).post(page, form).status_code == 403
    assert SecuritySettings.objects.count() == 0
    assert browser(owner).post(page, form)["Location"] == page
    rules = SecuritySettings.objects.get()
    assert (rules.session_hours, rules.idle_minutes) == (8, 15)
    assert browser(owner).post(page, {"session_hours": 9, "idle_minutes": 0}).status_code == 400


def operator() -> Client:
    client = Client()
    client.force_login(
        User.objects.create_superuser(email="op@crm.example", name="Op", password=PASSWORD)
    )
    return client


def test_an_operator_who_switches_an_account_off_ends_everything(agent: Membership) -> None:
    theirs = browser(agent)
    page = reverse("admin:organizations_user_deactivate", args=[agent.user_id])
    assert operator().post(page, {"confirm": "yes"}).status_code == 302
    assert not is_in(theirs)
    assert UserSession.objects.of(agent.user).get().ended_because == EndReason.DEACTIVATED


@pytest.mark.parametrize(
    ("zone", "shown_in"),
    [("UTC", "UTC"), ("Asia/Ho_Chi_Minh", "Asia/Ho_Chi_Minh"), ("Moon", "UTC")],
)
def test_times_are_told_by_the_readers_own_clock(
    agent: Membership, zone: str, shown_in: str
) -> None:
    client = browser(agent)
    User.objects.filter(pk=agent.user_id).update(timezone=zone)
    began = timezone.now() - timedelta(hours=1)
    UserSession.objects.filter(user_id=agent.user_id).update(created_at=began)
    told = date_format(began.astimezone(ZoneInfo(shown_in)), "SHORT_DATETIME_FORMAT")
    assert f"since {told}" in client.get(SESSIONS).text
    assert timezone.get_current_timezone_name() == "UTC"


@pytest.mark.parametrize(
    "cookie",
    ['"abcdefghij\\000"', '"abcdefghij\\377\\012"', "x" * 4000, "a" * 31, "A" * 32, "a" * 31 + "%"],
)
@pytest.mark.django_db
def test_a_cookie_that_cannot_be_a_session_is_none(
    stores_clean: None, django_assert_num_queries: Any, cookie: str
) -> None:
    client = Client()
    client.cookies.load(f"sessionid={cookie}")
    assert client.get(INBOX)["Location"].startswith(LOG_IN)
    with pytest.raises(AccessEnded), django_assert_num_queries(0):
        agent_of_cookie(f"sessionid={cookie}")
    store = SessionStore()
    with django_assert_num_queries(0):
        assert not store.exists("abcdefghij\0")
        store.delete("abcdefghij\0")


def test_expired_sessions_are_purged_in_batches(
    agent: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "PURGED_AT_ONCE", 2)
    client = browser(agent)
    gone = timezone.now() - timedelta(minutes=1)
    Session.objects.bulk_create(
        Session(session_key=f"{number:032d}", session_data="", expire_date=gone)
        for number in range(5)
    )
    purge_log_ins()
    assert [each.pk for each in Session.objects.all()] == [client.session.session_key]
    monkeypatch.setattr(sessions, "MAX_BATCHES", 1)
    Session.objects.bulk_create(
        Session(session_key=f"{number:032d}", session_data="", expire_date=gone)
        for number in range(5)
    )
    assert sessions.purge_lapsed_stores() == 2
    assert is_in(client)


def test_a_session_lasts_by_the_rules_of_the_organization_that_it_runs_as(
    agent: Membership, stranger_organization: Organization
) -> None:
    """Of two requests at once the last one stores its copy of the session, the switch or not."""
    Membership.objects.create(organization=stranger_organization, user=agent.user, role="agent")
    SecuritySettings.objects.create(
        organization=agent.organization, session_hours=1, idle_minutes=30
    )
    client = browser(agent)
    record = record_of(client)
    UserSession.objects.filter(pk=record.pk).update(organization=stranger_organization)
    later(record, old=timedelta(minutes=10))
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.session.session_key}"
    with pytest.raises(AccessEnded):
        agent_of_cookie(cookie)
    assert is_in(client)
    record.refresh_from_db()
    assert record.organization_id == agent.organization_id
    assert agent_of_cookie(cookie).organization_id == agent.organization_id
    # What was known by the other rules does not count either.
    UserSession.objects.filter(pk=record.pk).update(organization=stranger_organization)
    assert is_in(client)
    later(record, old=timedelta(hours=2))
    UserSession.objects.filter(pk=record.pk).update(organization=stranger_organization)
    assert not is_in(client)
    record.refresh_from_db()
    assert record.ended_because == EndReason.LAPSED


def test_what_a_page_asks_with_nobody_at_it_is_no_use_of_a_session(agent: Membership) -> None:
    client = browser(agent)
    record = record_of(client)
    later(record, unused=timedelta(minutes=5), old=timedelta(hours=1))
    before = UserSession.objects.get(pk=record.pk).last_used_at
    counts = reverse("chat:inbox_counts")
    assert client.get(counts, headers={"X-Unattended": "1"}).status_code == 200
    record.refresh_from_db()
    assert record.last_used_at == before
    # It does not hide the use that follows.
    assert client.get(counts).status_code == 200
    record.refresh_from_db()
    assert record.last_used_at > before
