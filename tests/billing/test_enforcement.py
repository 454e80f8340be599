"""Plans where people meet them: chat, API, pages, imports; visitors are always heard."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chat import bot
from chat.models import Conversation, ConversationSize, Message, Status, Widget
from chat.services import delete_message, open_conversation, post_message
from chat.services.conversations import customer_sender
from chat.services.measuring import measure_conversations, stored_text
from crm.accounts.models import Membership, Organization, Role
from crm.accounts.services.api_keys import create_api_key
from crm.billing import banner, counters
from crm.billing.forecasting import forecast
from crm.billing.metrics import Metric
from crm.billing.models import QuotaNotice, Subscription, UsageReading
from crm.billing.services.api_calls import post_api_calls
from crm.billing.services.noticing import tell_levels
from crm.billing.services.subscriptions import assign_plan
from crm.billing.tasks import post_calls, sweep
from crm.compliance.errors import TooManyExports
from crm.compliance.filters import Filters
from crm.compliance.models import ExportFormat
from crm.compliance.services.exporting import ask_for_export, cancel_export
from crm.core import quotas, stores, tenancy
from crm.customers.models import Customer
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

PAGE = "/app/settings/plan-and-usage/"


@pytest.fixture
def api(owner: Membership) -> Api:
    return Api(owner)


@pytest.fixture
def with_key(owner: Membership) -> Callable[..., Any]:
    """Call the API with a key that may do everything."""
    scopes = ["customers:write", "billing:write", "inbox:read"]
    made = create_api_key(by=owner, name="Key", scopes=scopes, expires_at=None)

    def call(method: str, path: str, body: Any = None) -> Any:
        return Client().generic(
            method,
            path,
            json.dumps(body) if body is not None else "",
            content_type="application/json",
            headers={"Authorization": f"Bearer {made.text}"},
        )

    return call


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
    tell_levels(organization_id=organization.pk)
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
    assert (first.status, second.status) == (Status.PENDING, Status.OPEN)
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
    assert stored_text(organization.pk) == 0
    assert measure_conversations() == 1
    text = "Do you ship to Manila?"
    assert stored_text(organization.pk) == len(text)
    assert measure_conversations() == 0
    posted = post_message(
        organization_id=organization.pk,
        conversation_id=conversation.pk,
        sender=customer_sender(conversation.customer),
        content={"type": "text", "text": "Đắk Lắk"},
        client_message_id="vietnamese",
    )
    assert measure_conversations() == 1
    assert stored_text(organization.pk) == len(text) + len("Đắk Lắk".encode())
    owner = make_member(organization, "Olga", Role.OWNER)
    delete_message(conversation_id=conversation.pk, message_id=posted.message_id, by=owner)
    measure_conversations()
    assert ConversationSize.objects.get().text_bytes == len(text)


def content(answer: str, key: str = "hours") -> FaqContent:
    return FaqContent(question="When?", answer=answer, language_code="en", key=key)


def test_texts_that_do_not_fit_are_refused_and_shorter_ones_are_not(
    organization: Organization,
) -> None:
    allow(organization, stored_bytes=100)
    faq = create_faq(organization_id=organization.pk, content=content("x" * 60), by=None)
    with pytest.raises(quotas.QuotaExceeded):
        create_faq(organization_id=organization.pk, content=content("x" * 60, "more"), by=None)
    with pytest.raises(quotas.QuotaExceeded):
        update_faq(
            organization_id=organization.pk, faq_id=faq.pk, content=content("x" * 100), by=None
        )
    assert Faq.objects.get().answer == "x" * 60
    allow(organization, stored_bytes=10)
    update_faq(organization_id=organization.pk, faq_id=faq.pk, content=content("x" * 50), by=None)
    with pytest.raises(quotas.QuotaExceeded):
        import_faqs(organization_id=organization.pk, contents=[content("y", "new")], by=None)


def test_a_deleted_faq_comes_back_only_where_there_is_room(organization: Organization) -> None:
    ids: dict[str, Any] = {"organization_id": organization.pk}
    allow(organization, stored_bytes=100)
    first = create_faq(**ids, content=content("x" * 60), by=None)
    delete_faq(**ids, faq_id=first.pk)
    second = create_faq(**ids, content=content("y" * 60, "more"), by=None)
    with pytest.raises(quotas.QuotaExceeded):
        restore_faq(**ids, faq_id=first.pk)
    assert not Faq.objects.alive().filter(pk=first.pk).exists()
    delete_faq(**ids, faq_id=second.pk)
    assert restore_faq(**ids, faq_id=first.pk).deleted_at is None


def test_other_ways_to_ask_are_texts_as_well(organization: Organization) -> None:
    ids: dict[str, Any] = {"organization_id": organization.pk}
    allow(organization, stored_bytes=100)
    long = replace(content("x", "long"), phrasings=("y" * 60, "z" * 60))
    with pytest.raises(quotas.QuotaExceeded):
        create_faq(**ids, content=long, by=None)
    faq = create_faq(**ids, content=replace(long, phrasings=("y" * 60,)), by=None)
    assert Faq.objects.text_bytes(organization.pk) == len("When?x") + 60
    with pytest.raises(quotas.QuotaExceeded):
        add_phrasing(**ids, faq_id=faq.pk, phrasing="z" * 60)
    update_faq(**ids, faq_id=faq.pk, content=replace(long, phrasings=("z" * 50,)), by=None)


def test_imports_and_exports_count_as_background_tasks(
    organization: Organization, owner: Membership
) -> None:
    assign_plan(organization_id=organization.pk, plan="pro")
    import_faqs(organization_id=organization.pk, contents=[content("x")], by=owner.user)
    ask: dict[str, Any] = {
        "by": owner,
        "file_format": ExportFormat.CSV,
        "filters": Filters(),
        "language_code": "en",
    }
    export = ask_for_export(**ask)
    assert used(organization, Metric.BACKGROUND_TASKS) == 2
    cancel_export(by=owner, export_id=export.pk)
    assign_plan(organization_id=organization.pk, plan="free")
    with pytest.raises(quotas.FeatureNotInPlan):
        ask_for_export(**ask)
    assert TooManyExports.status == 409


# --- API ------------------------------------------------------------------------------------------


def test_calls_with_keys_are_counted_and_refused_at_the_limit(
    organization: Organization, with_key: Callable[..., Any]
) -> None:
    subscription = allow(organization, api_calls=3)
    statuses = [with_key("GET", "/api/v1/customers").status_code for _each in range(5)]
    assert statuses == [200, 200, 200, 402, 402]
    refused = with_key("GET", "/api/v1/customers")
    assert refused["Content-Type"] == "application/problem+json"
    problem = refused.json()
    assert (problem["code"], problem["quota"], problem["limit"], problem["used"]) == (
        "quota_exceeded",
        "api_calls",
        3,
        3,
    )
    assert problem["resets_at"] == subscription.period_end.isoformat()
    assert "RateLimit" in refused.headers
    # How to get more is answered all the same, and counts nothing.
    assert with_key("GET", "/api/v1/usage").status_code == 200
    post_calls()
    assert used(organization, Metric.API_CALLS) == 3


def test_another_plan_lets_calls_through_at_once(
    transactional_db: None, organization: Organization, with_key: Callable[..., Any]
) -> None:
    allow(organization, api_calls=1)
    assert with_key("GET", "/api/v1/customers").status_code == 200
    assert with_key("GET", "/api/v1/customers").status_code == 402
    allow(organization, api_calls=2)
    assert with_key("GET", "/api/v1/customers").status_code == 200
    assert with_key("GET", "/api/v1/customers").status_code == 402


def test_pages_of_people_are_no_api_calls(organization: Organization, api: Api) -> None:
    allow(organization, api_calls=1)
    statuses = {api.get("/api/v1/customers").status_code for _each in range(3)}
    assert statuses == {200}
    assert counters.read(organization.pk, Metric.API_CALLS) is None


def test_a_counted_call_costs_no_query_more(
    organization: Organization,
    with_key: Callable[..., Any],
    django_assert_max_num_queries: Any,
) -> None:
    allow(organization, api_calls=100)
    with_key("GET", "/api/v1/customers")
    # The key, and the list; nothing about the plan.
    with django_assert_max_num_queries(3):
        assert with_key("GET", "/api/v1/customers").status_code == 200


def test_posting_calls_twice_writes_them_once_and_goes_on_after_redis_forgot(
    organization: Organization, with_key: Callable[..., Any]
) -> None:
    allow(organization, api_calls=100)
    for _each in range(4):
        with_key("GET", "/api/v1/customers")
    for _twice in range(2):
        post_api_calls(organization_id=organization.pk)
    assert used(organization, Metric.API_CALLS) == 4
    stores.redis().delete(counters.key_of(organization.pk, Metric.API_CALLS))
    with_key("GET", "/api/v1/customers")
    post_api_calls(organization_id=organization.pk)
    assert used(organization, Metric.API_CALLS) == 5


def test_a_contact_too_many_is_refused_over_the_api_with_a_sentence(
    organization: Organization, api: Api
) -> None:
    allow(organization, contacts=1)
    assert api.post("/api/v1/customers", {"name": "Minh"}).status_code == 201
    refused = api.post("/api/v1/customers", {"name": "Lan"}, Accept_Language="vi")
    assert refused.status_code == 402
    assert refused.json()["quota"] == "contacts"
    assert Customer.objects.of(organization.pk).count() == 1


def test_the_subscription_is_read_and_changed_over_the_api(
    organization: Organization, api: Api, with_key: Callable[..., Any]
) -> None:
    assign_plan(organization_id=organization.pk, plan="free")
    assert api.get("/api/v1/subscription").json()["plan"] == "free"
    plans = {each["key"]: each for each in api.get("/api/v1/plans").json()["plans"]}
    assert set(plans) == {"free", "pro", "enterprise"}
    changed = with_key("POST", "/api/v1/subscription/change", {"plan": "pro"})
    assert (changed.status_code, changed.json()["plan"]) == (200, "pro")
    assert changed.json()["limits"] == plans["pro"]["limits"]
    assert api.post("/api/v1/subscription/cancel").json()["next_plan"] == "free"
    assert api.post("/api/v1/subscription/resume").json()["next_plan"] is None
    refused = api.post("/api/v1/subscription/resume")
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing_to_resume")
    usage = api.get("/api/v1/usage").json()
    quotas_told = {each["quota"]: each for each in usage["quotas"]}
    assert set(quotas_told) == set(Metric.values)
    assert quotas_told["members"]["resets_at"] is None
    assert quotas_told["members"]["used"] == 1


def test_who_may_not_see_billing_learns_nothing(
    organization: Organization, agent: Membership
) -> None:
    api = Api(agent)
    for path in ("/api/v1/usage", "/api/v1/subscription", "/api/v1/plans"):
        assert api.get(path).status_code == 403
    assert api.post("/api/v1/subscription/cancel").status_code == 403
    assert api.client.get(PAGE).status_code == 403


# --- Pages ----------------------------------------------------------------------------------------


def test_the_page_shows_every_quota_and_days(
    organization: Organization, owner: Membership, client: Client
) -> None:
    allow(organization, members=2, bot_answers=100)
    UsageReading.objects.create(
        organization=organization, metric=Metric.MEMBERS, day=timezone.now().date(), value=1
    )
    client.force_login(owner.user)
    for query in ("", "?quota=members", "?quota=nonsense"):
        page = client.get(PAGE + query)
        assert page.status_code == 200
        for label in ("Members", "Bot answers", "API calls", "no limit"):
            assert label in page.content.decode()


@pytest.mark.parametrize("language", ["vi", "ru"])
def test_the_page_is_shown_in_other_languages(
    organization: Organization, owner: Membership, client: Client, language: str
) -> None:
    owner.user.language_code = language
    owner.user.save(update_fields=["language_code"])
    client.force_login(owner.user)
    page = client.get(PAGE, headers={"Accept-Language": language})
    assert page.status_code == 200
    assert "Plan and usage" not in page.content.decode()


def test_a_plan_is_changed_cancelled_and_kept_on_the_pages(
    organization: Organization, owner: Membership, client: Client
) -> None:
    assign_plan(organization_id=organization.pk, plan="free")
    client.force_login(owner.user)
    change = reverse("billing:change", args=["pro"])
    assert "Change to Pro?" in client.get(change).content.decode()
    client.post(change)
    assert Subscription.objects.get().plan_id == "pro"
    cancel = reverse("billing:cancel")
    assert "Cancel Pro?" in client.get(cancel).content.decode()
    client.post(cancel)
    assert Subscription.objects.get().next_plan_id == "free"
    client.post(reverse("billing:resume"))
    assert Subscription.objects.get().next_plan_id is None
    shown = client.post(reverse("billing:resume"), follow=True).content.decode()
    assert "no change of the plan is waiting" in shown


def test_an_admin_sees_the_plan_and_is_offered_no_change(
    organization: Organization, client: Client
) -> None:
    admin = make_member(organization, "Ada", Role.ADMIN)
    assign_plan(organization_id=organization.pk, plan="free")
    client.force_login(admin.user)
    assert "Upgrade to Pro" not in client.get(PAGE).content.decode()
    assert client.post(reverse("billing:change", args=["pro"])).status_code == 403


def test_owners_see_a_banner_and_agents_do_not(
    organization: Organization, owner: Membership, agent: Membership, client: Client
) -> None:
    allow(organization, members=2)
    tell_levels(organization_id=organization.pk)
    sentence = "Members: used up."
    client.force_login(owner.user)
    assert sentence in client.get("/app/settings/profile/").content.decode()
    client.force_login(agent.user)
    assert sentence not in client.get("/app/settings/profile/").content.decode()


def test_an_invitation_too_many_is_refused_on_the_page_in_plain_words(
    organization: Organization, owner: Membership, client: Client
) -> None:
    allow(organization, members=1)
    client.force_login(owner.user)
    page = client.post(reverse("accounts:members"), {"email": "new@example.com", "role": "agent"})
    assert page.status_code == 402
    assert "no free place for another member" in page.content.decode()


# --- Sweeps and commands --------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_sweep_tells_what_was_lost_and_mends_counters(
    organization: Organization, owner: Membership, widget: Widget, customer: Customer
) -> None:
    allow(organization, conversations=1)
    with tenancy.organization(organization.pk):
        make_conversation(customer, widget)
    stores.redis().hset(counters.key_of(organization.pk, Metric.CONVERSATIONS), "used", 7)
    sweep()
    assert counters.read(organization.pk, Metric.CONVERSATIONS) == (
        counters.read(organization.pk, Metric.CONVERSATIONS)[0],  # type: ignore[index]
        1,
    )
    assert QuotaNotice.objects.get().metric == Metric.CONVERSATIONS
    assert [each.metric for each in banner.shown(organization.pk)] == ["conversations"]
    assert UsageReading.objects.filter(organization=organization).count() == 3


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
