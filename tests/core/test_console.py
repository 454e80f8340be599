"""The operator's admin: bounded lists, guarded edits, secrets that stay secret."""

import random
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from chat.models import Conversation, Widget
from crm.authentication.models import ApiKey, ApiKeySecret, Impersonation, TokenFamily, UserSession
from crm.authentication.services.api_keys import create_api_key
from crm.billing.metrics import Metric
from crm.billing.services import consume
from crm.billing.services.overrides import override_quota
from crm.compliance.models import AuditEntry, LegalHold
from crm.core.admin.model_admin import ConsoleAdmin, ReadOnlyAdmin
from crm.core.admin.rows import CautiousPaginator
from crm.core.jobs.models import Job
from crm.core.mail.models import Mail
from crm.customers.models import Company, Customer
from crm.deals.services import create_deal
from crm.operations.models import CheckKind, CheckRun
from crm.organizations.admin import OrganizationAdmin
from crm.organizations.models import Membership, Organization, Role, User
from knowledge.models import Faq, FaqCategory
from tests.conftest import PASSWORD, make_conversation, make_member
from tests.core.consoles import EDITED
from tests.forms.browsers import form_of

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = 3
# So many values of each filter are tried in a run.
TRIED = 2
# Of a page: session, person, rights, the list, its count, and what filters need.
MAX_QUERIES = 13


def add_rows(number: int) -> None:
    """Add a row, each with relations of its own, to every list that the admin has."""
    now = timezone.now()
    root = User.objects.get(email="root@nextflow.example")
    organization = Organization.objects.create(name=f"O{number}", slug=f"o{number}")
    member = make_member(organization, f"M{number}", Role.OWNER)
    widget = Widget.objects.create(organization=organization, name="W", allowed_domains=["a.b"])
    customer = Customer.objects.create(organization=organization, name="C", stage="customer")
    make_conversation(customer, widget)
    Company.objects.create(organization=organization, name="C")
    create_deal(by=member, name="D")
    create_api_key(by=member, name=f"K{number}", scopes=["inbox:read"], expires_at=None)
    UserSession.objects.create(user=member.user, organization=organization, key=f"session-{number}")
    TokenFamily.objects.create(
        organization=organization,
        user=member.user,
        membership=member,
        expires_at=now + timedelta(days=1),
    )
    Impersonation.objects.create(
        organization=organization,
        operator=root,
        user=member.user,
        login=widget.pk,
        reason="A reason that is long",
        ends_at=now,
    )
    category = FaqCategory.objects.create(organization=organization, name="F", slug="f")
    Faq.objects.create(
        organization=organization,
        category=category,
        question="Q?",
        answer="A.",
        language_code="en",
        key="k",
    )
    EmailAddress.objects.create(user=member.user, email=member.user.email)
    Authenticator.objects.create(user=member.user, type="totp", data={"secret": "sealed-seed"})
    SocialAccount.objects.create(user=member.user, provider="google", uid=f"u{number}")
    LegalHold.objects.create(organization=organization, reason="Court")
    Job.objects.create(
        organization=organization,
        kind="compliance.audit_export",
        starter_kind="operator",
        starter_id=root.pk,
        started_by=root,
        due_at=now,
    )
    Mail.objects.create(kind="k", to="a@b.example", language_code="en", subject="S", due_at=now)
    CheckRun.objects.create(
        kind=CheckKind.AUDIT, started_at=now, finished_at=now, examined=1, differences=0
    )
    consume(organization_id=organization.pk, metric=Metric.BOT_ANSWERS, key=f"answer-{number}")
    override_quota(
        organization_id=organization.pk, metric=Metric.MEMBERS, limit=number, reason="A pilot"
    )
    Group.objects.create(name=f"G{number}")
    every = IntervalSchedule.objects.create(every=number + 100, period="seconds")
    CrontabSchedule.objects.create(minute=str(number))
    PeriodicTask.objects.create(name=f"T{number}", task="operations.canary", interval=every)


def lists() -> dict[str, str]:
    return {
        model._meta.label: reverse(
            f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        )
        for model in admin.site._registry
    }


def queries_of_lists(operator: Client) -> dict[str, int]:
    found = {}
    for label, address in lists().items():
        with CaptureQueriesContext(connection) as asked:
            page = operator.get(address, {"q": "o"} if label != "compliance.AuditEntry" else {})
        assert page.status_code == 200, label
        found[label] = len(asked)
    return found


def test_no_list_asks_more_when_it_is_longer(operator: Client) -> None:
    for number in range(ROWS):
        add_rows(number)
    operator.get(reverse("admin:index"))
    for model in admin.site._registry:
        # A list without rows would prove nothing.
        assert model._default_manager.count() >= ROWS, model._meta.label
    before = queries_of_lists(operator)
    for number in range(ROWS, 2 * ROWS):
        add_rows(number)
    assert queries_of_lists(operator) == before
    assert {label: count for label, count in before.items() if count > MAX_QUERIES} == {}


def test_every_list_is_ours_searchable_and_counts_no_millions() -> None:
    for model, model_admin in admin.site._registry.items():
        assert isinstance(model_admin, ConsoleAdmin), model
        assert model_admin.search_fields, model
        assert model_admin.show_full_result_count is False, model
        assert model_admin.paginator is CautiousPaginator, model
        assert model_admin.list_per_page <= 50, model


def test_a_long_list_is_counted_to_a_bound(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CautiousPaginator, "MOST", 2)
    Group.objects.bulk_create(Group(name=str(number)) for number in range(5))
    with CaptureQueriesContext(connection) as asked:
        assert CautiousPaginator(Group.objects.order_by("name"), 1).count == 2
    assert "LIMIT 2" in asked[0]["sql"]


def test_a_search_that_takes_too_long_is_given_up(
    operator: Client, agent: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = reverse("admin:organizations_organization_changelist")
    monkeypatch.setattr("crm.core.admin.model_admin.LIST_SECONDS", 0.05)
    slow = Organization.objects.extra(where=["pg_sleep(30) IS NOT NULL"])
    monkeypatch.setattr(OrganizationAdmin, "get_queryset", lambda self, request: slow)
    answer = operator.get(address, {"q": "sun"}, headers={"Accept": "text/html"})
    assert answer.status_code == 503
    assert "list_too_slow" in answer.content.decode()
    # The limit was the list's own, and is gone with it.
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)


def test_every_row_has_a_page_and_no_page_shows_a_secret(operator: Client) -> None:
    add_rows(0)
    secrets = [
        *ApiKeySecret.objects.values_list("secret_hash", flat=True),
        *UserSession.objects.values_list("key", flat=True),
        *User.objects.values_list("password", flat=True),
        "sealed-seed",
    ]
    for model in admin.site._registry:
        row = model._default_manager.order_by("-pk").first()
        assert row is not None
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
        page = operator.get(reverse(name, args=[row.pk]))
        assert page.status_code == 200, name
        text = page.content.decode()
        assert [secret for secret in secrets if secret in text] == [], name


def test_lists_are_narrowed_by_what_they_offer_and_by_nothing_else(operator: Client) -> None:
    """By a filter of one's own one could find out, letter by email, what is shown nowhere."""
    add_rows(0)
    request = RequestFactory().get("/")
    for model, console in admin.site._registry.items():
        for field in model._meta.concrete_fields:
            for lookup in ("startswith", "contains", "regex", "gte", "lt", "in", "length"):
                asked = f"{field.name}__{lookup}"
                assert not console.lookup_allowed(asked, "x", request), (model, asked)
    for address, secret in {
        "admin:authentication_usersession_changelist": "key__startswith",
        "admin:mail_mail_changelist": "text__contains",
        "admin:organizations_user_changelist": "password__startswith",
        "admin:mfa_authenticator_changelist": "data__secret__startswith",
        "admin:chat_conversation_changelist": "last_message__text__contains",
    }.items():
        assert operator.get(reverse(address), {secret: "a"}).status_code == 400
        assert operator.get(reverse(address), {secret.partition("__")[0]: "a"}).status_code == 400


def test_every_filter_that_is_offered_works(operator: Client) -> None:
    """Each of them with some of its values, others in each run; the run's seed says which."""
    add_rows(0)
    for model in admin.site._registry:
        options = model._meta
        address = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
        page = operator.get(address).content.decode()
        offered: dict[frozenset[str], list[str]] = {}
        for found in sorted(set(re.findall(r'href="\?([^"]+)"', page))):
            query = unescape(found)
            names = frozenset(parse_qs(query, keep_blank_values=True))
            offered.setdefault(names, []).append(query)
        for queries in offered.values():
            for query in random.sample(queries, min(TRIED, len(queries))):
                assert operator.get(f"{address}?{query}").status_code == 200, query


def test_what_was_said_is_read_as_a_member_and_not_here(
    operator: Client, conversation: Conversation
) -> None:
    said = {"text": "My number is 4711", "type": "text"}
    Conversation.objects.filter(pk=conversation.pk).update(
        last_message=said, last_customer_message=said
    )
    page = operator.get(reverse("admin:chat_conversation_change", args=[conversation.pk]))
    assert "4711" not in page.content.decode()


# Added and shown, but changed only by actions.
UNCHANGED = {"organizations.Membership"}
NUMBERS = {"position", "minute", "every"}


def editable() -> set[str]:
    return {
        model._meta.label
        for model, model_admin in admin.site._registry.items()
        if not isinstance(model_admin, ReadOnlyAdmin)
    }


def test_every_model_that_operators_edit_is_tried() -> None:
    assert editable() == EDITED.keys() | UNCHANGED


@pytest.mark.parametrize("label", sorted(EDITED))
def test_two_operators_who_edit_one_row_do_not_overwrite_each_other(
    operator: Client, label: str
) -> None:
    add_rows(0)
    model, name = apps.get_model(label), EDITED[label]
    row: Any = model._default_manager.order_by("-pk").first()
    address = reverse(
        f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[row.pk]
    )
    colleague = staff_like(operator)
    forms = [form_of(client.get(address), name) for client in (operator, colleague)]
    assert all(form["_version"] != [""] for form in forms)
    texts = ("31", "32") if name in NUMBERS else ("The first", "The second")
    first = operator.post(address, forms[0] | {name: texts[0]})
    assert first.status_code == 302, first.context["errors"]
    second = colleague.post(address, forms[1] | {name: texts[1]})
    assert second.status_code == 409
    page = second.content.decode()
    assert "Somebody changed this while you were editing it" in page
    assert texts[0] in page.partition("is stored now")[0], "what is stored"
    assert form_of(second, name)[name] == [texts[1]], "what was typed"
    row.refresh_from_db()
    assert str(getattr(row, name)) == texts[0]
    # Whoever has seen both saves knowingly.
    assert colleague.post(address, form_of(second, name)).status_code == 302
    row.refresh_from_db()
    assert str(getattr(row, name)) == texts[1]


def test_permissions_of_a_group_that_another_operator_changed_are_not_overwritten(
    operator: Client,
) -> None:
    group = Group.objects.create(name="Support")
    address = reverse("admin:auth_group_change", args=[group.pk])
    form = form_of(operator.get(address), "name")
    given = Permission.objects.get(codename="view_user")
    group.permissions.add(given)
    assert operator.post(address, form).status_code == 409
    assert [*group.permissions.all()] == [given]


def test_edits_of_operators_at_the_same_moment_take_turns(operator: Client) -> None:
    """A plan has no lock of its own: the page's is what holds the second one up."""
    address = reverse("admin:billing_plan_change", args=["pro"])
    clients = [operator, staff_like(operator)]
    forms = [form_of(client.get(address), "position") for client in clients]

    def send(number: int) -> int:
        try:
            form = forms[number] | {"position": f"3{number}"}
            return int(clients[number].post(address, form).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(send, range(2))) == [302, 409]


def staff_like(operator: Client) -> Client:
    """Return another operator, with all rights."""
    other = User.objects.create_superuser("ruth@nextflow.example", PASSWORD, name="Ruth")
    client = Client()
    client.force_login(other)
    return client


def test_ledgers_cannot_be_written(operator: Client) -> None:
    add_rows(0)
    for model in (AuditEntry, UserSession, TokenFamily, ApiKey, Impersonation, Mail, CheckRun):
        stem = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        row: Any = model._default_manager.order_by("-pk").first()
        assert operator.post(reverse(f"{stem}_change", args=[row.pk]), {}).status_code == 403
        assert operator.get(reverse(f"{stem}_add")).status_code == 403
        assert operator.post(reverse(f"{stem}_delete", args=[row.pk]), {}).status_code == 403


def test_people_and_organizations_are_never_deleted_here(operator: Client) -> None:
    add_rows(0)
    for model in (User, Organization, Membership, Customer, Company, Conversation):
        stem = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        row: Any = model._default_manager.order_by("-pk").first()
        answer = operator.post(reverse(f"{stem}_delete", args=[row.pk]), {"post": "yes"})
        assert answer.status_code == 403
        selected = {"action": "delete_selected", "_selected_action": str(row.pk), "post": "yes"}
        operator.post(reverse(f"{stem}_changelist"), selected)
        assert model._default_manager.filter(pk=row.pk).exists()
