"""What ends access ends it on every way in, and what begins again revives nothing."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chat.models import Conversation, IdentitySecret, VisitorToken, Widget
from chat.services.identity_secrets import add_identity_secret, end_identity_secret
from chat.services.visitors import live_visits
from chat.services.widgets import pause_widget, resume_widget
from crm.authentication.models import ApiKey, EndReason, TokenFamily, UserSession
from crm.authentication.principals import renew_all
from crm.authentication.services.access import (
    deactivate_user,
    end_access,
    reactivate_user,
    reset_second_factor,
)
from crm.authentication.services.api_keys import (
    create_api_key,
    machine_of_key,
    revoke_api_key,
    revoke_secret,
)
from crm.core.errors import AppError
from crm.core.jobs.running import run_job
from crm.core.jobs.services import start_job
from crm.customers.models import Customer
from crm.organizations.models import Invitation, Membership, Organization, Role, User
from crm.organizations.operators import find_operator
from crm.organizations.services.invitations import accept_invitation, invitation_of, invite
from crm.organizations.services.members import (
    deactivate_member,
    leave_organization,
    reactivate_member,
)
from crm.organizations.services.organizations import (
    deactivate_organization,
    reactivate_organization,
    set_second_factor_rule,
)
from crm.organizations.services.roles import change_role
from tests.conftest import make_member
from tests.jobs.counting import COUNTING, finish
from tests.security.ways_in import MemberWays, VisitorWays, proved, visit

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture(autouse=True)
def _unlimited(settings: Any) -> None:
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMIT_DEFAULTS, "off")


def dismiss(agent: Membership, owner: Membership) -> None:
    deactivate_member(by=owner, membership_id=agent.pk)


def dismiss_and_take_back(agent: Membership, owner: Membership) -> None:
    dismiss(agent, owner)
    reactivate_member(by=owner, membership_id=agent.pk)


def leave(agent: Membership, owner: Membership) -> None:
    leave_organization(membership_id=agent.pk)


def switch_person_off(agent: Membership, owner: Membership) -> None:
    deactivate_user(user_id=agent.user_id, by=owner.user)


def switch_person_off_and_on(agent: Membership, owner: Membership) -> None:
    switch_person_off(agent, owner)
    reactivate_user(user_id=agent.user_id)


def switch_organization_off(agent: Membership, owner: Membership) -> None:
    deactivate_organization(organization_id=agent.organization_id)


def switch_organization_off_and_on(agent: Membership, owner: Membership) -> None:
    switch_organization_off(agent, owner)
    reactivate_organization(organization_id=agent.organization_id)


def ask_for_a_factor(agent: Membership, owner: Membership) -> None:
    TOTP.activate(owner.user, SECRET)
    set_second_factor_rule(by=owner, is_required=True)


def lose_the_factor(agent: Membership, owner: Membership) -> None:
    ask_for_a_factor(agent, owner)
    TOTP.activate(agent.user, SECRET)
    reset_second_factor(user_id=agent.user_id)


def lose_the_factor_unseen(agent: Membership, owner: Membership) -> None:
    ask_for_a_factor(agent, owner)
    Authenticator.objects.filter(user=agent.user).delete()


def log_out_everywhere(agent: Membership, owner: Membership) -> None:
    end_access(user_id=agent.user_id, because=EndReason.REVOKED)


def change_the_password(agent: Membership, owner: Membership) -> None:
    end_access(user_id=agent.user_id, because=EndReason.PASSWORD_CHANGED)


def wait_too_long(agent: Membership, owner: Membership) -> None:
    long_ago = timezone.now() - timedelta(days=31)
    UserSession.objects.filter(user=agent.user).update(created_at=long_ago)
    TokenFamily.objects.filter(user=agent.user).update(expires_at=timezone.now())


MEMBER_EVENTS: list[Callable[[Membership, Membership], None]] = [
    dismiss,
    dismiss_and_take_back,
    leave,
    switch_person_off,
    switch_person_off_and_on,
    switch_organization_off,
    switch_organization_off_and_on,
    ask_for_a_factor,
    lose_the_factor,
    lose_the_factor_unseen,
    log_out_everywhere,
    change_the_password,
    wait_too_long,
]


@pytest.mark.parametrize("event", MEMBER_EVENTS, ids=lambda event: event.__name__)
def test_a_member_is_out_on_every_way(
    agent: Membership,
    owner: Membership,
    conversation: Conversation,
    event: Callable[[Membership, Membership], None],
) -> None:
    ways = MemberWays(agent, conversation)
    before = ways.is_in()
    assert before == dict.fromkeys(before, True)
    event(agent, owner)
    after = ways.is_in()
    assert after == dict.fromkeys(before, False)


def test_who_works_elsewhere_too_goes_on_there(
    agent: Membership, owner: Membership, stranger: Membership, conversation: Conversation
) -> None:
    ways = MemberWays(agent, conversation)
    elsewhere = Membership.objects.create(
        organization=stranger.organization, user=agent.user, role=Role.AGENT
    )
    dismiss_and_take_back(agent, owner)
    answer = ways.browser.get(reverse("chat:inbox"))
    assert answer.context["membership"] == elsewhere
    # And comes back by logging in anew.
    switch = {"organization": str(agent.organization_id)}
    page = ways.browser.post(reverse("authentication:switch_organization"), switch, follow=True)
    assert "Log in again to work for Sunbean." in page.content.decode()
    ways.browser.force_login(agent.user)
    ways.browser.post(reverse("authentication:switch_organization"), switch)
    assert ways.browser.get(reverse("chat:inbox")).context["membership"] == agent


def test_a_session_without_its_record_opens_nothing(
    agent: Membership, conversation: Conversation
) -> None:
    ways = MemberWays(agent, conversation)
    UserSession.objects.all().delete()
    TokenFamily.objects.all().delete()
    assert set(ways.is_in().values()) == {False}


def prove_the_identity(session: dict[str, Any], widget: Widget, owner: Membership) -> None:
    secret = add_identity_secret(by=owner, widget_id=widget.pk)
    proved(widget, secret, session["visitor_token"])


def delete_the_customer(session: dict[str, Any], widget: Widget, owner: Membership) -> None:
    Conversation.objects.filter(customer_id=session["customer_id"]).delete()
    Customer.objects.get(pk=session["customer_id"]).delete()


def pause_the_widget(session: dict[str, Any], widget: Widget, owner: Membership) -> None:
    pause_widget(by=owner, widget_id=widget.pk)


def switch_the_widget_off(session: dict[str, Any], widget: Widget, owner: Membership) -> None:
    widget.is_active = False
    widget.save()


def close_the_organization(session: dict[str, Any], widget: Widget, owner: Membership) -> None:
    deactivate_organization(organization_id=owner.organization_id)


def close_and_open_again(session: dict[str, Any], widget: Widget, owner: Membership) -> None:
    close_the_organization(session, widget, owner)
    reactivate_organization(organization_id=owner.organization_id)


def let_it_expire(session: dict[str, Any], widget: Widget, owner: Membership) -> None:
    VisitorToken.objects.update(expires_at=timezone.now())


def end_the_secret(session: dict[str, Any], widget: Widget, owner: Membership) -> None:
    for secret in IdentitySecret.objects.all():
        end_identity_secret(by=owner, secret_id=secret.pk)


VISITOR_EVENTS: list[Callable[[dict[str, Any], Widget, Membership], None]] = [
    prove_the_identity,
    delete_the_customer,
    pause_the_widget,
    switch_the_widget_off,
    close_the_organization,
    close_and_open_again,
    let_it_expire,
]
VERIFIED_EVENTS = [*VISITOR_EVENTS[1:], end_the_secret]


@pytest.mark.parametrize("event", VISITOR_EVENTS, ids=lambda event: event.__name__)
def test_a_visitor_is_out_on_every_way(
    widget: Widget, owner: Membership, event: Callable[[dict[str, Any], Widget, Membership], None]
) -> None:
    assert_a_visitor_is_out(visit(widget), widget, owner, event)


@pytest.mark.parametrize("event", VERIFIED_EVENTS, ids=lambda event: event.__name__)
def test_a_verified_visitor_is_out_on_every_way(
    widget: Widget, owner: Membership, event: Callable[[dict[str, Any], Widget, Membership], None]
) -> None:
    secret = add_identity_secret(by=owner, widget_id=widget.pk)
    assert_a_visitor_is_out(proved(widget, secret), widget, owner, event)


def assert_a_visitor_is_out(
    session: dict[str, Any],
    widget: Widget,
    owner: Membership,
    event: Callable[[dict[str, Any], Widget, Membership], None],
) -> None:
    ways = VisitorWays(widget, session)
    before = ways.is_in()
    assert before == dict.fromkeys(before, True)
    event(session, widget, owner)
    after = ways.is_in()
    if event is prove_the_identity:
        # Who was nobody is the customer now; what matters is that the old token does not say so.
        after["the widget"] = False
    assert after == dict.fromkeys(before, False)


def switch_the_widget_on(session: dict[str, Any], widget: Widget, owner: Membership) -> None:
    Widget.objects.filter(pk=widget.pk).update(is_active=True)


def resume_the_widget(session: dict[str, Any], widget: Widget, owner: Membership) -> None:
    resume_widget(by=owner, widget_id=widget.pk)


@pytest.mark.parametrize(
    ("away", "back"),
    [(pause_the_widget, resume_the_widget), (switch_the_widget_off, switch_the_widget_on)],
    ids=["paused", "switched off"],
)
def test_a_visitors_token_rests_while_the_widget_is_away(
    widget: Widget, owner: Membership, away: Callable[..., None], back: Callable[..., None]
) -> None:
    late, session = visit(widget), visit(widget)
    ways = VisitorWays(widget, session)
    away(session, widget, owner)
    assert set(ways.is_in().values()) == {False}
    VisitorToken.objects.filter(customer_id=late["customer_id"]).update(expires_at=timezone.now())
    back(session, widget, owner)
    # The same token opens the same conversation again; one that expired meanwhile opens nothing.
    after = VisitorWays(widget, session).is_in()
    assert after == dict.fromkeys(after, True)
    assert visit(widget, token=late["visitor_token"])["customer_id"] != late["customer_id"]


def test_visitors_tokens_expire_later_with_use(widget: Widget, owner: Membership) -> None:
    secret = add_identity_secret(by=owner, widget_id=widget.pk)
    for session, days in ((visit(widget), 400), (proved(widget, secret), 30)):
        record = VisitorToken.objects.get(customer_id=session["customer_id"])
        lasts = record.expires_at - timezone.now()
        assert timedelta(days=days - 1) < lasts <= timedelta(days=days)
        VisitorToken.objects.filter(pk=record.pk).update(
            expires_at=timezone.now() + timedelta(days=1),
            last_seen_at=timezone.now() - timedelta(hours=2),
        )
        assert visit(widget, token=session["visitor_token"])["is_new"] is False
        record.refresh_from_db()
        assert record.expires_at - timezone.now() > timedelta(days=days - 1)


def test_a_new_secret_carries_on_what_the_old_one_proved(widget: Widget, owner: Membership) -> None:
    old = add_identity_secret(by=owner, widget_id=widget.pk)
    session = proved(widget, old)
    ways = VisitorWays(widget, session)
    new = add_identity_secret(by=owner, widget_id=widget.pk)
    assert proved(widget, new, session["visitor_token"])["is_new"] is False
    end_identity_secret(by=owner, secret_id=old.secret.pk)
    after = ways.is_in()
    assert after == dict.fromkeys(after, True)


def key_of(owner: Membership) -> tuple[ApiKey, dict[str, str]]:
    made = create_api_key(by=owner, name="Shop", scopes=["inbox:read"], expires_at=None)
    return made.key, {"Authorization": f"Bearer {made.text}"}


@pytest.mark.parametrize("event", ["revoked", "secret revoked", "expired", "organization off"])
def test_a_key_is_out_on_every_way(
    owner: Membership, conversation: Conversation, event: str
) -> None:
    from chat.authentication import viewer_of

    key, bearer = key_of(owner)
    waiting = viewer_of(authorization=bearer["Authorization"], cookie=None)

    def is_in() -> list[bool]:
        url = f"/api/v1/streams/{conversation.stream}"
        found = [Client().get(path, headers=bearer).status_code for path in (url, f"{url}/events")]
        try:
            waiting.renewed()
        except AppError:
            return [*(status == 200 for status in found), False]
        return [*(status == 200 for status in found), True]

    assert is_in() == [True] * 3
    if event == "revoked":
        revoke_api_key(by=owner, key_id=key.pk)
    elif event == "secret revoked":
        revoke_secret(by=owner, key_id=key.pk, secret_id=key.secrets.get().pk)
    elif event == "expired":
        ApiKey.objects.update(expires_at=timezone.now())
    else:
        deactivate_organization(organization_id=owner.organization_id)
    assert is_in() == [False] * 3


@pytest.mark.parametrize(
    "event", [dismiss_and_take_back, switch_person_off_and_on, switch_organization_off_and_on]
)
def test_a_job_of_before_does_not_go_on(
    agent: Membership, owner: Membership, event: Callable[[Membership, Membership], None]
) -> None:
    job = start_job(by=agent, kind=COUNTING, data={"to": 3})
    assert run_job(job_id=job.pk, seconds=0)
    event(agent, owner)
    finish(job)
    assert (job.state, job.error_code, job.done) == ("failed", "job_starter_gone", 1)


def test_a_job_of_an_operator_who_was_switched_off_does_not_go_on(
    organization: Organization, root: User
) -> None:
    staff = User.objects.create_user("staff@nextflow.example", "x" * 16, name="Stan", is_staff=True)
    by = find_operator(organization.pk, staff.pk, timezone.now())
    assert by
    job = start_job(by=by, kind=COUNTING, data={"to": 3})
    assert run_job(job_id=job.pk, seconds=0)
    deactivate_user(user_id=staff.pk, by=root)
    reactivate_user(user_id=staff.pk)
    assert finish(job).error_code == "job_starter_gone"


@pytest.mark.parametrize("event", [switch_organization_off, switch_organization_off_and_on])
def test_a_job_of_a_key_ends_with_the_organization(
    owner: Membership, event: Callable[[Membership, Membership], None]
) -> None:
    made = create_api_key(by=owner, name="Shop", scopes=["customers:read"], expires_at=None)
    jobs = [start_job(by=machine_of_key(made.key), kind=COUNTING, data={"to": 2})]
    finish(jobs[0])
    jobs.append(start_job(by=machine_of_key(made.key), kind=COUNTING, data={"to": 2}))
    event(owner, owner)
    finish(jobs[1])
    assert [job.error_code for job in jobs] == ["", "job_starter_gone"]


INVITER_EVENTS = [
    "dismissed",
    "dismissed and taken back",
    "account off and on",
    "demoted",
    "left",
    "organization off and on",
    "revoked",
    "expired",
]


@pytest.mark.parametrize("event", INVITER_EVENTS)
def test_an_invitation_lasts_no_longer_than_the_inviters_rights(
    organization: Organization, owner: Membership, event: str
) -> None:
    admin = make_member(organization, "Ada", Role.ADMIN)
    links: list[str] = []

    def address_of(token: str) -> str:
        links.append(token)
        return f"https://crm.example/join/{token}/"

    # Somebody who knows that they will be dismissed.
    invited = User.objects.create_user("again@sunbean.example", "x" * 16, name="Again")
    invite(by=admin, email=invited.email, role="admin", address_of=address_of)
    invitation = invitation_of(links[0])
    if event.startswith("dismissed"):
        deactivate_member(by=owner, membership_id=admin.pk)
        if "taken back" in event:
            reactivate_member(by=owner, membership_id=admin.pk)
    elif event == "account off and on":
        deactivate_user(user_id=admin.user_id, by=owner.user)
        reactivate_user(user_id=admin.user_id)
    elif event == "demoted":
        change_role(by=owner, membership_id=admin.pk, key="agent")
    elif event == "left":
        leave_organization(membership_id=admin.pk)
    elif event == "organization off and on":
        deactivate_organization(organization_id=organization.pk)
        reactivate_organization(organization_id=organization.pk)
    elif event == "revoked":
        Invitation.objects.update(revoked_at=timezone.now())
    else:
        Invitation.objects.update(expires_at=timezone.now())
    with pytest.raises(AppError) as refused:
        accept_invitation(token=links[0], user=invited)
    assert refused.value.code == "invitation_not_found"
    page = Client().get(reverse("authentication:join", args=[links[0]]))
    assert page.status_code == 404
    assert not Membership.objects.filter(user=invited).exists()
    assert not re.search("Sunbean", page.content.decode())
    assert invitation.accepted_at is None


def test_all_sockets_of_an_organization_are_asked_for_in_few_queries(
    agent: Membership,
    owner: Membership,
    colleague: Membership,
    widget: Widget,
    conversation: Conversation,
    django_assert_num_queries: Any,
) -> None:
    ways = [MemberWays(member, conversation) for member in (agent, owner, colleague)]
    sessions = [(each.membership.pk, each.by_session.login) for each in ways]
    programs = [(each.membership.pk, each.by_token.login) for each in ways]
    with django_assert_num_queries(2):
        assert set(renew_all(sessions)) == set(sessions)
    with django_assert_num_queries(3):
        assert set(renew_all(sessions + programs)) == set(sessions + programs)
    visitors = [VisitorWays(widget, visit(widget)).viewer.token_id for _visitor in range(3)]
    with django_assert_num_queries(1):
        assert live_visits(visitors) == set(visitors)
    with django_assert_num_queries(0):
        assert (renew_all([]), live_visits([])) == ({}, set())
