"""Plans enforced in chat and knowledge, and the sweeps that repair what was counted."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from chat import bot
from chat.models import Conversation, ConversationSize, Message, Status, Widget
from chat.services import delete_message, open_conversation, post_message
from chat.services.conversations import customer_sender
from chat.services.storage_usage import measure_conversations
from crm.billing import banner, counters
from crm.billing.forecast import forecast
from crm.billing.metrics import Metric
from crm.billing.models import QuotaNotice, UsageSnapshot
from crm.billing.services.alerts import notify_quota_levels
from crm.billing.services.subscriptions import assign_plan
from crm.billing.tasks import reconcile
from crm.compliance.filters import Filters
from crm.compliance.services.exports import start_export
from crm.core import quotas, stores, tenancy
from crm.core.jobs.services import cancel_job
from crm.core.models import Note, StoredText
from crm.core.permissions import SystemPrincipal
from crm.core.records import get_record
from crm.core.records.notes import create_note, delete_note, update_note
from crm.core.transfer.formats import Format
from crm.core.undo.services import undo
from crm.customers.models import Customer
from crm.deals.models import LostReason
from crm.organizations.models import Membership, Organization, Role
from knowledge.models import Faq
from knowledge.services import (
    FaqContent,
    add_phrasing,
    create_faq,
    delete_faq,
    import_faqs,
    restore_faq,
    update_faq,
)
from tests.api.conftest import Api
from tests.billing.plans import allow, used
from tests.conftest import make_conversation, make_member
from tests.outages import without_redis


def stored_text(organization: Organization) -> int:
    """Return the bytes of text beside the reasons that every organization begins with."""
    return quotas.measured("stored_bytes", organization.pk) - _begun_with(organization)


def allow_text(organization: Organization, size: int) -> None:
    allow(organization, stored_bytes=size + _begun_with(organization))


def _begun_with(organization: Organization) -> int:
    reasons = StoredText.objects.filter(source=LostReason._meta.db_table)
    return reasons.bytes_of(organization.pk)


@pytest.fixture
def api(owner: Membership) -> Api:
    return Api(owner)


# --- Chat -----------------------------------------------------------------------------------------


def test_a_visitor_is_heard_beyond_the_conversations_of_the_plan(
    organization: Organization, widget: Widget, owner: Membership, api: Api
) -> None:
    allow(organization, conversations=1)
    customers = [Customer.objects.create(organization=organization) for _each in range(3)]
    made = [make_conversation(customer, widget) for customer in customers]
    assert [each.is_over_quota for each in made] == [False, True, True]
    post_message(
        organization_id=organization.pk,
        conversation_id=made[2].pk,
        sender=customer_sender(customers[2]),
        content={"type": "text", "text": "Are you there?"},
        client_message_id="second",
    )
    assert [
        entry.content["text"] for entry in Message.objects.after(organization.pk, made[2].pk, 0)
    ] == [
        "Do you ship to Manila?",
        "Are you there?",
    ]
    row = api.get(f"/api/v1/conversations/{made[2].pk}").json()
    assert row["conversation"]["is_over_quota"] is True
    notify_quota_levels(organization_id=organization.pk)
    assert QuotaNotice.objects.get().level == 100


def test_a_first_message_sent_twice_counts_one_conversation(
    organization: Organization, widget: Widget, customer: Customer
) -> None:
    allow(organization, conversations=5)
    for _twice in range(2):
        open_conversation(
            organization_id=organization.pk,
            customer_id=customer.pk,
            widget=widget,
            language_code="en",
            content={"type": "text", "text": "Hello?"},
            client_message_id="first",
        )
    assert used(organization, Metric.CONVERSATIONS) == 1


def test_visitors_are_heard_while_redis_is_away(
    organization: Organization, widget: Widget, customer: Customer
) -> None:
    allow(organization, conversations=1)
    with without_redis():
        conversation = make_conversation(customer, widget)
        other = Customer.objects.create(organization=organization)
        assert make_conversation(other, widget).is_over_quota
    assert not conversation.is_over_quota
    assert used(organization, Metric.CONVERSATIONS) == 2


def answered(question: Message) -> bot.Reply:
    return bot.Reply(bot.Outcome.ANSWERED, "From 8 to 20.", "en")


def test_the_bot_hands_over_where_its_answers_are_used_up(
    organization: Organization,
    widget: Widget,
    customer: Customer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allow(organization, bot_answers=1)
    # What it would say is another module's; here it knows every answer.
    monkeypatch.setattr(bot, "_decide", lambda question, _conversation: answered(question))
    first = make_conversation(customer, widget)
    other = Customer.objects.create(organization=organization)
    second = make_conversation(other, widget)
    for conversation in (first, second):
        for _twice in range(2):
            bot.answer(organization_id=organization.pk, conversation_id=conversation.pk, seq=1)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, second.status) == (Status.BOT, Status.OPEN)
    said, change = Message.objects.after(organization.pk, second.pk, 1)
    assert said.content["text"] == (
        "I am passing you on to a colleague."
        " Nobody is online right now. The first of us who is back will reply right here."
    )
    assert change.content["change"]["reason"] == "quota"
    assert second.waiting_since is not None
    assert used(organization, Metric.BOT_ANSWERS) == 1


# --- Texts ----------------------------------------------------------------------------------------


def test_conversations_are_measured_after_the_fact(
    organization: Organization, conversation: Conversation, agent: Membership
) -> None:
    before = stored_text(organization)
    assert measure_conversations() == 1
    text = "Do you ship to Manila?"
    assert stored_text(organization) - before == len(text)
    assert measure_conversations() == 0
    posted = post_message(
        organization_id=organization.pk,
        conversation_id=conversation.pk,
        sender=customer_sender(conversation.customer),
        content={"type": "text", "text": "Đắk Lắk"},
        client_message_id="vietnamese",
    )
    assert measure_conversations() == 1
    assert stored_text(organization) - before == len(text) + len("Đắk Lắk".encode())
    owner = make_member(organization, "Olga", Role.OWNER)
    delete_message(conversation_id=conversation.pk, message_id=posted.message_id, by=owner)
    measure_conversations()
    assert ConversationSize.objects.get().text_bytes == len(text)


def content(answer: str, key: str = "hours") -> FaqContent:
    return FaqContent(question="When?", answer=answer, language_code="en", key=key)


def test_texts_that_do_not_fit_are_refused_and_shorter_ones_are_not(
    organization: Organization,
) -> None:
    allow_text(organization, 100)
    faq = create_faq(by=SystemPrincipal(organization.pk), content=content("x" * 60))
    with pytest.raises(quotas.QuotaExceeded):
        create_faq(by=SystemPrincipal(organization.pk), content=content("x" * 60, "more"))
    with pytest.raises(quotas.QuotaExceeded):
        update_faq(by=SystemPrincipal(organization.pk), faq_id=faq.pk, content=content("x" * 100))
    assert Faq.objects.get().answer == "x" * 60
    allow_text(organization, 10)
    update_faq(by=SystemPrincipal(organization.pk), faq_id=faq.pk, content=content("x" * 50))
    with pytest.raises(quotas.QuotaExceeded):
        import_faqs(by=SystemPrincipal(organization.pk), contents=[content("y", "new")])


def test_a_deleted_faq_comes_back_only_where_there_is_room(organization: Organization) -> None:
    ids: dict[str, Any] = {"by": SystemPrincipal(organization.pk)}
    allow_text(organization, 100)
    first = create_faq(**ids, content=content("x" * 60))
    delete_faq(**ids, faq_id=first.pk)
    # It is kept, and counts.
    with pytest.raises(quotas.QuotaExceeded):
        create_faq(**ids, content=content("y" * 60, "more"))
    allow_text(organization, 50)
    with pytest.raises(quotas.QuotaExceeded):
        restore_faq(**ids, faq_id=first.pk)
    assert not Faq.objects.alive().filter(pk=first.pk).exists()
    allow_text(organization, 100)
    assert restore_faq(**ids, faq_id=first.pk).deleted_at is None


def test_other_ways_to_ask_are_texts_as_well(organization: Organization) -> None:
    ids: dict[str, Any] = {"by": SystemPrincipal(organization.pk)}
    allow_text(organization, 100)
    long = replace(content("x", "long"), phrasings=("y" * 60, "z" * 60))
    with pytest.raises(quotas.QuotaExceeded):
        create_faq(**ids, content=long)
    faq = create_faq(**ids, content=replace(long, phrasings=("y" * 60,)))
    assert stored_text(organization) == len("When?x") + 60
    with pytest.raises(quotas.QuotaExceeded):
        add_phrasing(**ids, faq_id=faq.pk, phrasing="z" * 60)
    update_faq(**ids, faq_id=faq.pk, content=replace(long, phrasings=("z" * 50,)))


def test_notes_are_texts_as_well_and_a_plan_without_room_takes_none(
    organization: Organization, owner: Membership, customer: Customer, client: Client
) -> None:
    record = get_record("customers")
    asked: dict[str, Any] = {"by": owner, "record": record, "row_id": customer.pk}
    before = stored_text(organization)
    allow_text(organization, before + 100)
    note = create_note(**asked, text="é" * 30)
    assert stored_text(organization) == before + 60
    with pytest.raises(quotas.QuotaExceeded):
        create_note(**asked, text="x" * 41)
    with pytest.raises(quotas.QuotaExceeded):
        update_note(**asked, note_id=note.pk, version=None, text="x" * 101)
    api = Api(owner)
    refused = api.post(f"/api/v1/customers/{customer.pk}/notes", {"text": "x" * 41})
    assert (refused.status_code, refused.json()["code"]) == (402, "quota_exceeded")
    action_id = delete_note(**asked, note_id=note.pk)
    allow_text(organization, 0)
    assert action_id
    with pytest.raises(quotas.QuotaExceeded):
        undo(by=owner, action_id=action_id)
    client.force_login(owner.user)
    page = client.post(record.reverse("add_note", customer.pk), {"text": "Typed and kept"})
    assert page.status_code == 402
    assert "Typed and kept" in page.content.decode()
    assert not Note.objects.exists()
    allow_text(organization, before + 100)
    undo(by=owner, action_id=action_id)
    allow_text(organization, 0)
    shorter = update_note(**asked, note_id=note.pk, version=None, text="x")
    assert shorter.text == "x"


def test_imports_and_exports_count_as_background_tasks(
    organization: Organization, owner: Membership
) -> None:
    assign_plan(organization_id=organization.pk, plan="pro")
    import_faqs(contents=[content("x")], by=owner)
    ask: dict[str, Any] = {"by": owner, "file_format": Format.CSV, "filters": Filters()}
    export = start_export(**ask)
    assert used(organization, Metric.BACKGROUND_TASKS) == 2
    cancel_job(by=owner, job_id=export.pk)
    assign_plan(organization_id=organization.pk, plan="free")
    with pytest.raises(quotas.FeatureNotInPlan):
        start_export(**ask)


# --- Reconciling and commands ---------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_reconciling_sends_what_was_lost_and_repairs_counters(
    organization: Organization, owner: Membership, widget: Widget, customer: Customer
) -> None:
    allow(organization, conversations=1)
    with tenancy.organization(organization.pk):
        make_conversation(customer, widget)
    stores.redis().hset(counters.key_of(organization.pk, Metric.CONVERSATIONS), "used", 7)
    reconcile()
    assert counters.read(organization.pk, Metric.CONVERSATIONS) == (
        counters.read(organization.pk, Metric.CONVERSATIONS)[0],  # type: ignore[index]
        1,
    )
    assert QuotaNotice.objects.get().metric == Metric.CONVERSATIONS
    assert [each.metric for each in banner.shown(organization.pk)] == ["conversations"]
    assert UsageSnapshot.objects.filter(organization=organization).count() == 3


def test_the_command_finds_differences_and_repairs_them(
    organization: Organization,
    widget: Widget,
    customer: Customer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    allow(organization, conversations=5)
    make_conversation(customer, widget)
    call_command("usage", "reconcile")
    stores.redis().hset(counters.key_of(organization.pk, Metric.CONVERSATIONS), "used", 4)
    with pytest.raises(SystemExit):
        call_command("usage", "reconcile", f"--organization={organization.slug}")
    assert "conversations: ledger 1, counter 4" in capsys.readouterr().out
    call_command("usage", "reconcile", "--repair")
    call_command("usage", "reconcile")
    call_command("usage", "show", organization.slug, "--json")
    shown = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert shown["usage"]["conversations"] == [1, 5]


def test_a_forecast_is_a_line_or_nothing() -> None:
    start = timezone.now()
    month: dict[str, Any] = {"since": start, "until": start + timedelta(days=30)}
    ten_days = start + timedelta(days=10)
    told = forecast(used=100, limit=200, now=ten_days, **month)
    assert told is not None
    assert told.expected == 300
    assert told.full_at == start + timedelta(days=20)
    assert forecast(used=100, limit=None, now=start + timedelta(days=1), **month) is None
    assert forecast(used=3, limit=None, now=ten_days, **month) is None
