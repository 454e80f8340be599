"""Counting uses: once each, and never past a limit."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import ProgrammingError, connection, transaction
from django.test import override_settings
from django.utils import timezone

from crm.billing import counters
from crm.billing.metrics import Metric
from crm.billing.models import QuotaNotice, Subscription, UsageRecord
from crm.billing.services import check_quota, consume
from crm.billing.services.alerts import notify_quota_levels
from crm.billing.services.entitlements import terms_of
from crm.billing.services.overrides import override_quota
from crm.billing.services.reconciliation import compare
from crm.billing.services.subscriptions import assign_plan
from crm.billing.services.usage_summary import usage_summaries_of
from crm.core import quotas, stores, tenancy
from crm.core.mail.models import Mail
from crm.customers.models import Customer, Stage
from crm.customers.services import create_customer, update_customer
from crm.organizations.models import Invitation, Membership, Organization, Role
from crm.organizations.services.invitations import accept_as_newcomer, invite
from crm.organizations.services.members import deactivate_member, reactivate_member
from tests.billing.plans import allow, at_once, ends_at, used
from tests.conftest import make_member
from tests.outages import without_redis

WRITERS = 50
LIMIT = 17


class RolledBack(Exception):
    pass


def answer_of_bot(organization: Organization, key: str) -> bool:
    with tenancy.organization(organization.pk):
        return consume(organization_id=organization.pk, metric=Metric.BOT_ANSWERS, key=key).is_new


@pytest.fixture
def links() -> list[str]:
    return []


@pytest.mark.django_db(transaction=True)
def test_fifty_writers_at_once_cannot_pass_a_limit(organization: Organization) -> None:
    allow(organization, bot_answers=LIMIT)
    done, refused = at_once(WRITERS, lambda index: answer_of_bot(organization, f"a{index}"))
    assert len(done) == LIMIT
    assert refused == ["quota_exceeded"] * (WRITERS - LIMIT)
    assert used(organization, Metric.BOT_ANSWERS) == LIMIT
    found = counters.read(organization.pk, Metric.BOT_ANSWERS)
    assert found is not None
    assert found[1] == LIMIT


@pytest.mark.django_db(transaction=True)
def test_fifty_writers_cannot_pass_a_limit_without_redis(organization: Organization) -> None:
    allow(organization, bot_answers=LIMIT)
    with without_redis():
        done, refused = at_once(WRITERS, lambda index: answer_of_bot(organization, f"a{index}"))
    assert (len(done), len(refused)) == (LIMIT, WRITERS - LIMIT)
    assert used(organization, Metric.BOT_ANSWERS) == LIMIT


@pytest.mark.django_db(transaction=True)
def test_fifty_writers_cannot_pass_a_limit_while_redis_forgets(organization: Organization) -> None:
    allow(organization, bot_answers=LIMIT)

    def act(index: int) -> bool:
        if index % 10 == 0:
            stores.redis().delete(counters.key_of(organization.pk, Metric.BOT_ANSWERS))
        return answer_of_bot(organization, f"a{index}")

    done, _refused = at_once(WRITERS, act)
    assert len(done) == used(organization, Metric.BOT_ANSWERS)
    # A counter that is gone is filled from the ledger alone; who had asked it before is in there.
    assert len(done) <= LIMIT


@pytest.mark.django_db(transaction=True)
def test_fifty_invitations_at_once_cannot_pass_the_seats(
    organization: Organization, owner: Membership, links: list[str]
) -> None:
    allow(organization, members=LIMIT)

    def act(index: int) -> str:
        with tenancy.organization(organization.pk):
            return invite(
                by=owner,
                email=f"new{index}@example.com",
                role=Role.AGENT,
                address_of=lambda token: f"https://crm.example/join/{token}",
            ).email

    done, refused = at_once(WRITERS, act)
    assert len(done) == LIMIT - 1, "the owner has a seat already"
    assert refused == ["quota_exceeded"] * (WRITERS - LIMIT + 1)
    assert Invitation.objects.of(organization.pk).acceptable().count() == LIMIT - 1


@pytest.mark.django_db(transaction=True)
def test_fifty_contacts_at_once_cannot_pass_the_limit(
    organization: Organization, owner: Membership
) -> None:
    allow(organization, contacts=LIMIT)

    def act(index: int) -> str:
        with tenancy.organization(organization.pk):
            return create_customer(by=owner, name=f"Customer {index}").name

    done, _refused = at_once(WRITERS, act)
    assert len(done) == LIMIT
    assert Customer.objects.of(organization.pk).contacts().count() == LIMIT


@pytest.mark.django_db(transaction=True)
def test_the_same_key_counts_once_however_often_and_at_once(organization: Organization) -> None:
    allow(organization, bot_answers=LIMIT)
    done, refused = at_once(20, lambda _index: answer_of_bot(organization, "one"))
    assert refused == []
    assert sorted(done) == [False] * 19 + [True]
    assert used(organization, Metric.BOT_ANSWERS) == 1
    assert compare(organization_id=organization.pk, repair=False) == []


def test_a_refusal_says_what_is_used_up_and_when_it_comes_back(organization: Organization) -> None:
    subscription = allow(organization, bot_answers=1)
    answer_of_bot(organization, "first")
    with pytest.raises(quotas.QuotaExceeded) as refusal:
        answer_of_bot(organization, "second")
    assert refusal.value.status == 402
    assert refusal.value.extra == {
        "quota": "bot_answers",
        "limit": 1,
        "used": 1,
        "resets_at": subscription.period_end.isoformat(),
        "plan": subscription.plan_id,
    }
    assert "bot answers" in refusal.value.message
    # What was counted before is answered as before, also when nothing new fits.
    assert answer_of_bot(organization, "first") is False


def test_conversations_are_let_through_and_told_to_be_over(organization: Organization) -> None:
    allow(organization, conversations=2)
    over = [
        consume(organization_id=organization.pk, metric=Metric.CONVERSATIONS, key=key).is_over
        for key in "abc"
    ]
    assert over == [False, False, True]
    assert used(organization, Metric.CONVERSATIONS) == 3


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_use_is_given_back_by_the_comparison(organization: Organization) -> None:
    allow(organization, bot_answers=2)
    answer_of_bot(organization, "kept")
    roll_back_a_use(organization)
    with pytest.raises(quotas.QuotaExceeded):
        answer_of_bot(organization, "next")
    (difference,) = compare(organization_id=organization.pk, repair=True)
    assert (difference.ledger, difference.counter) == (1, 2)
    assert answer_of_bot(organization, "next") is True
    assert compare(organization_id=organization.pk, repair=False) == []


def test_another_plan_counts_at_once_and_keeps_what_was_used(organization: Organization) -> None:
    allow(organization, bot_answers=1)
    answer_of_bot(organization, "a")
    allow(organization, bot_answers=2)
    assert answer_of_bot(organization, "b") is True
    with pytest.raises(quotas.QuotaExceeded):
        answer_of_bot(organization, "c")


def test_a_new_period_begins_at_nothing(organization: Organization) -> None:
    allow(organization, bot_answers=1)
    answer_of_bot(organization, "a")
    ends_at(organization, timezone.now() - timedelta(seconds=1))
    # No task has rolled it: the first use of the new period does.
    assert answer_of_bot(organization, "b") is True
    with pytest.raises(quotas.QuotaExceeded):
        answer_of_bot(organization, "c")


def test_an_override_beats_the_plan_until_it_runs_out(organization: Organization) -> None:
    allow(organization, bot_answers=0)
    override = override_quota(
        organization_id=organization.pk,
        metric=Metric.BOT_ANSWERS,
        limit=1,
        reason="A fair.",
        expires_at=timezone.now() + timedelta(days=1),
    )
    assert answer_of_bot(organization, "a") is True
    override.expires_at = timezone.now() - timedelta(seconds=1)
    override.save(update_fields=["expires_at"])
    assert terms_of(organization.pk).limits["bot_answers"] == 0


def test_the_ledger_cannot_be_changed_by_the_application_or_the_owner(
    organization: Organization,
) -> None:
    answer_of_bot(organization, "kept")
    for statement in (
        'UPDATE "billing_usagerecord" SET amount = 0',
        'DELETE FROM "billing_usagerecord"',
    ):
        with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert used(organization, Metric.BOT_ANSWERS) == 1


def test_seats_are_free_again_when_somebody_goes(
    organization: Organization, owner: Membership, agent: Membership
) -> None:
    allow(organization, members=2)
    with pytest.raises(quotas.QuotaExceeded):
        invite_somebody(owner)
    deactivate_member(by=owner, membership_id=agent.pk)
    invitation = invite_somebody(owner)
    with pytest.raises(quotas.QuotaExceeded):
        reactivate_member(by=owner, membership_id=agent.pk)
    assert invitation.pk
    with pytest.raises(quotas.QuotaExceeded):
        invite_somebody(owner, "another@example.com")


def test_an_invitation_cannot_be_accepted_on_a_plan_that_became_smaller(
    organization: Organization, owner: Membership
) -> None:
    tokens: list[str] = []
    invite_somebody(owner, "new@example.com", tokens)
    allow(organization, members=1)
    accept = {
        "token": tokens[0],
        "name": "New",
        "password": "a long password here",
        "language_code": "en",
        "timezone_name": "UTC",
    }
    with pytest.raises(quotas.QuotaExceeded):
        accept_as_newcomer(**accept)
    allow(organization, members=2)
    assert accept_as_newcomer(**accept).is_active


def test_visitors_are_no_contacts_and_becoming_one_takes_a_place(
    organization: Organization, owner: Membership
) -> None:
    allow(organization, contacts=1)
    visitor = Customer.objects.create(organization=organization)
    create_customer(by=owner, name="Minh")
    with pytest.raises(quotas.QuotaExceeded):
        update_customer(customer_id=visitor.pk, by=owner, name="Lan", stage=Stage.CUSTOMER)
    visitor.refresh_from_db()
    assert visitor.stage == Stage.VISITOR


def test_room_is_refused_outside_of_a_transaction(
    transactional_db: None, organization: Organization
) -> None:
    with pytest.raises(RuntimeError):
        check_quota("members", organization_id=organization.pk)


def test_owners_are_told_at_eighty_and_at_hundred_per_cent_once(
    organization: Organization, owner: Membership, agent: Membership
) -> None:
    admin = make_member(organization, "Ada", Role.ADMIN)
    allow(organization, bot_answers=5)
    for key in "abcd":
        answer_of_bot(organization, key)
    for _again in range(2):
        notify_quota_levels(organization_id=organization.pk)
    letters = Mail.objects.filter(kind="quota_80")
    assert set(letters.values_list("to", flat=True)) == {owner.user.email, admin.user.email}
    answer_of_bot(organization, "e")
    notify_quota_levels(organization_id=organization.pk)
    assert Mail.objects.filter(kind="quota_100").count() == 2
    assert sorted(QuotaNotice.objects.values_list("level", flat=True)) == [80, 100]


def test_a_step_over_a_level_is_told_after_the_commit(
    organization: Organization, django_capture_on_commit_callbacks: Iterator[None]
) -> None:
    allow(organization, bot_answers=5)
    steps = []
    for key in "abcde":
        with django_capture_on_commit_callbacks() as told:  # type: ignore[operator]
            answer_of_bot(organization, key)
        steps.append(len(told))
    assert steps == [0, 0, 0, 1, 1]


def test_without_a_limit_nothing_is_locked_and_everything_is_counted(
    organization: Organization,
) -> None:
    assign_plan(organization_id=organization.pk, plan="enterprise")
    for key in "abc":
        answer_of_bot(organization, key)
    (summary,) = usage_summaries_of(terms_of(organization.pk), [Metric.BOT_ANSWERS])
    assert (summary.used, summary.limit, summary.percent) == (3, None, None)


@override_settings(BILLING_DEFAULT_PLAN="free")
def test_an_organization_that_nobody_gave_a_plan_gets_the_default(
    organization: Organization,
) -> None:
    assert not Subscription.objects.filter(organization=organization).exists()
    answer_of_bot(organization, "a")
    assert Subscription.objects.get(organization=organization).plan_id == "free"
    assert UsageRecord.objects.of(organization.pk).count() == 1


def roll_back_a_use(organization: Organization) -> None:
    with suppress(RolledBack), transaction.atomic():
        answer_of_bot(organization, "undone")
        raise RolledBack


def invite_somebody(
    owner: Membership, email: str = "somebody@example.com", tokens: list[str] | None = None
) -> Invitation:
    def address_of(token: str) -> str:
        if tokens is not None:
            tokens.append(token)
        return f"https://crm.example/join/{token}"

    return invite(by=owner, email=email, role=Role.AGENT, address_of=address_of)
