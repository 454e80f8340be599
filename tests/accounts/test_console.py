"""The operator's admin: bounded lists, deeds that ask first, secrets that stay secret."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from html import unescape
from typing import Any

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
from crm.accounts.admin.tenants import OrganizationAdmin
from crm.accounts.models import (
    ApiKey,
    ApiKeySecret,
    Ended,
    Impersonation,
    Membership,
    Organization,
    Role,
    TokenFamily,
    User,
    UserSession,
)
from crm.accounts.services.api_keys import create_api_key
from crm.billing.metrics import Metric
from crm.billing.services import consume
from crm.billing.services.overriding import override_quota
from crm.compliance.models import AuditEntry, AuditExport, LegalHold
from crm.compliance.services.exporting import write_export
from crm.core.admin.model_admin import CautiousPaginator, ConsoleAdmin, ReadOnlyAdmin
from crm.core.mail.models import Mail
from crm.customers.models import Customer
from crm.operations.models import CheckKind, CheckRun
from knowledge.models import Faq, FaqCategory
from tests.compliance.audits import entries
from tests.conftest import PASSWORD, make_conversation, make_member
from tests.forms.browsers import form_of

pytestmark = pytest.mark.django_db(transaction=True)

INBOX = reverse("chat:inbox")
ROWS = 3
# Of a page: session, person, rights, the list, its count, and what filters need.
MOST_QUERIES = 13


@pytest.fixture
def root(db: None, stores_clean: None) -> User:
    return User.objects.create_superuser("root@nextflow.example", PASSWORD, name="Rita")


@pytest.fixture
def operator(root: User) -> Client:
    client = Client()
    client.force_login(root)
    return client


def staff_with(*codenames: str) -> Client:
    user = User.objects.create_user("staff@nextflow.example", PASSWORD, name="Stan", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def add_rows(number: int) -> None:
    """Add a row, each with relations of its own, to every list that the admin has."""
    now = timezone.now()
    root = User.objects.get(email="root@nextflow.example")
    organization = Organization.objects.create(name=f"O{number}", slug=f"o{number}")
    member = make_member(organization, f"M{number}", Role.OWNER)
    widget = Widget.objects.create(organization=organization, name="W", allowed_domains=["a.b"])
    customer = Customer.objects.create(organization=organization, name="C")
    make_conversation(customer, widget)
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
    AuditExport.objects.create(
        organization=organization, asked_by=root, format="csv", language_code="en", until=now
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
    assert {label: count for label, count in before.items() if count > MOST_QUERIES} == {}


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
    address = reverse("admin:accounts_organization_changelist")
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
    """By a filter of one's own one could find out, letter by letter, what is shown nowhere."""
    add_rows(0)
    request = RequestFactory().get("/")
    for model, console in admin.site._registry.items():
        for field in model._meta.concrete_fields:
            for lookup in ("startswith", "contains", "regex", "gte", "lt", "in", "length"):
                asked = f"{field.name}__{lookup}"
                assert not console.lookup_allowed(asked, "x", request), (model, asked)
    for address, secret in {
        "admin:accounts_usersession_changelist": "key__startswith",
        "admin:mail_mail_changelist": "text__contains",
        "admin:accounts_user_changelist": "password__startswith",
        "admin:mfa_authenticator_changelist": "data__secret__startswith",
        "admin:chat_conversation_changelist": "last_message__text__contains",
    }.items():
        assert operator.get(reverse(address), {secret: "a"}).status_code == 400
        assert operator.get(reverse(address), {secret.partition("__")[0]: "a"}).status_code == 400


def test_every_filter_that_is_offered_works(operator: Client) -> None:
    add_rows(0)
    for model in admin.site._registry:
        options = model._meta
        address = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
        page = operator.get(address).content.decode()
        for query in set(re.findall(r'href="(\?[^"]+)"', page)):
            assert operator.get(address + unescape(query)).status_code == 200, query


def test_what_was_said_is_read_as_a_member_and_not_here(
    operator: Client, conversation: Conversation
) -> None:
    said = {"text": "My number is 4711", "type": "text"}
    Conversation.objects.filter(pk=conversation.pk).update(
        last_message=said, last_customer_message=said
    )
    page = operator.get(reverse("admin:chat_conversation_change", args=[conversation.pk]))
    assert "4711" not in page.content.decode()


# Of each editable model that carries a version: a field that two operators change.
EDITED = {
    "accounts.Organization": "name",
    "accounts.User": "name",
    "billing.Plan": "position",
    "chat.Widget": "name",
    "customers.Customer": "name",
    "knowledge.Faq": "question",
    "knowledge.FaqCategory": "name",
}
# Not changed on its page, or without a version of its own.
UNVERSIONED = {
    "accounts.Membership",
    "auth.Group",
    "django_celery_beat.CrontabSchedule",
    "django_celery_beat.IntervalSchedule",
    "django_celery_beat.PeriodicTask",
}


def editable() -> set[str]:
    return {
        model._meta.label
        for model, model_admin in admin.site._registry.items()
        if not isinstance(model_admin, ReadOnlyAdmin)
    }


def test_every_model_that_operators_edit_has_a_version_or_says_why_not() -> None:
    assert editable() == EDITED.keys() | UNVERSIONED


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
    texts = ("31", "32") if name == "position" else ("The first", "The second")
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
    for model in (User, Organization, Membership, Customer, Conversation):
        stem = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        row: Any = model._default_manager.order_by("-pk").first()
        answer = operator.post(reverse(f"{stem}_delete", args=[row.pk]), {"post": "yes"})
        assert answer.status_code == 403
        selected = {"action": "delete_selected", "_selected_action": str(row.pk), "post": "yes"}
        operator.post(reverse(f"{stem}_changelist"), selected)
        assert model._default_manager.filter(pk=row.pk).exists()


# --- Deeds ---------------------------------------------------------------------------------------


def do(operator: Client, name: str, row: Any, **form: str) -> Any:
    model = row._meta
    address = reverse(f"admin:{model.app_label}_{model.model_name}_{name}", args=[row.pk])
    # The page that asks does nothing, whatever its address says.
    asked = operator.get(address, {"confirm": "yes"})
    if asked.status_code != 200:
        return asked
    return operator.post(address, {"confirm": "yes", **form})


def browser(membership: Membership) -> Client:
    client = Client()
    client.force_login(membership.user)
    assert client.get(INBOX).status_code == 200
    return client


def test_whoever_is_switched_off_is_out_at_once(
    operator: Client, agent: Membership, root: User
) -> None:
    client = browser(agent)
    assert do(operator, "deactivate", agent.user).status_code == 302
    assert client.get(INBOX).status_code == 302
    agent.user.refresh_from_db()
    assert not agent.user.is_active
    assert UserSession.objects.get(user=agent.user).ended_because == Ended.DEACTIVATED
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
    assert family.ended_because == Ended.REVOKED
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
    added = operator.post(reverse("admin:accounts_membership_add"), form)
    assert added.status_code == 302
    assert Membership.objects.get(user=root).role == Role.VIEWER


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
    export = AuditExport.objects.get()
    assert do(operator, "fetch", export).status_code == 403
    assert write_export(export_id=export.pk)
    fetched = do(operator, "fetch", export)
    lines = b"".join(fetched.streaming_content).decode().splitlines()
    assert "session.started" in {json.loads(line)["action"] for line in lines}
    assert entries(owner.organization_id, "export.fetched")


# --- Who comes in --------------------------------------------------------------------------------


def test_staff_sees_what_their_rights_say(agent: Membership) -> None:
    client = staff_with("view_organization")
    page = client.get(reverse("admin:index")).content.decode()
    assert reverse("admin:accounts_organization_changelist") in page
    assert reverse("admin:accounts_user_changelist") not in page
    address = reverse("admin:accounts_organization_change", args=[agent.organization_id])
    shown = client.get(address).content.decode()
    assert "Sunbean" in shown
    assert "/deactivate/" not in shown
    assert do(client, "deactivate", agent.organization).status_code == 403
    assert client.get(reverse("admin:accounts_user_changelist")).status_code == 403


def test_staff_cannot_make_themselves_or_others_powerful(root: User, agent: Membership) -> None:
    client = staff_with("view_user", "change_user", "view_group", "change_group")
    address = reverse("admin:accounts_user_change", args=[agent.user_id])
    form = {
        "name": "Linh",
        "language_code": "en",
        "timezone": "UTC",
        "is_staff": "on",
        "is_superuser": "on",
        "email": "mine@evil.example",
        "is_active": "",
    }
    assert client.post(address, form | no_inlines()).status_code == 302
    agent.user.refresh_from_db()
    assert (agent.user.is_staff, agent.user.is_superuser) == (False, False)
    assert (agent.user.email, agent.user.is_active) == ("linh@sunbean.example", True)
    own = User.objects.get(email="staff@nextflow.example")
    for user in (root, own):
        where = reverse("admin:accounts_user_change", args=[user.pk])
        assert client.post(where, form | no_inlines()).status_code == 403
        assert do(client, "deactivate", user).status_code == 403
    group = Group.objects.create(name="All")
    assert client.post(reverse("admin:auth_group_change", args=[group.pk]), {}).status_code == 403


def no_inlines() -> dict[str, int]:
    return {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}


def test_who_becomes_an_operator_logs_in_anew(operator: Client, agent: Membership) -> None:
    client = browser(agent)
    address = reverse("admin:accounts_user_change", args=[agent.user_id])
    form = {"name": "Linh", "language_code": "en", "timezone": "UTC", "is_staff": "on"}
    assert operator.post(address, form | no_inlines()).status_code == 302
    assert client.get(INBOX).status_code == 302


def test_operators_need_a_second_factor(operator: Client, root: User, settings: Any) -> None:
    settings.OPERATOR_REQUIRES_MFA = True
    index = reverse("admin:index")
    led = operator.get(index, follow=True)
    assert led.redirect_chain[-1][0] == reverse("mfa_index")
    assert "Operators need a second factor" in led.content.decode()
    assert operator.get(reverse("admin:accounts_user_changelist")).status_code == 302
    Authenticator.objects.create(user=root, type="totp", data={"secret": "x"})
    assert operator.get(index).status_code == 200


def test_an_idle_operator_logs_in_again(operator: Client, root: User) -> None:
    index = reverse("admin:index")
    assert operator.get(index).status_code == 200
    session = operator.session
    session["operator_seen"] -= 31 * 60
    session.save()
    asked = operator.get(index)
    assert asked.status_code == 302
    led = operator.get(asked["Location"])
    assert led["Location"] == f"{reverse('accounts:log_in')}?next=%2Fadmin%2F"
    assert UserSession.objects.get(user=root).ended_because == Ended.LOGGED_OUT


def test_use_keeps_an_operator_in(operator: Client) -> None:
    index = reverse("admin:index")
    for _visit in range(3):
        session = operator.session
        session["operator_seen"] -= 20 * 60
        session.save()
        assert operator.get(index).status_code == 200


def test_the_policy_is_looser_here_and_nowhere_else(operator: Client, agent: Membership) -> None:
    def scripts(client: Client, address: str) -> str:
        policy = client.get(address)["Content-Security-Policy"]
        return next(part.strip() for part in policy.split(";") if "script-src" in part)

    assert scripts(operator, reverse("admin:index")) == "script-src 'self' 'unsafe-eval'"
    assert scripts(browser(agent), INBOX) == "script-src 'self'"
    assert scripts(Client(), reverse("accounts:log_in")) == "script-src 'self'"
    policy = operator.get(reverse("admin:index"))["Content-Security-Policy"]
    assert "style-src 'self';" in f"{policy};"
    assert "unsafe-inline" not in policy


def test_ones_own_password_is_changed_where_everybody_changes_theirs(operator: Client) -> None:
    answer = operator.post(reverse("admin:password_change"), {"new_password1": "x"})
    assert answer["Location"] == reverse("account_change_password")


def test_the_language_is_changed_where_one_is(operator: Client, root: User) -> None:
    address = reverse("admin:accounts_user_changelist") + "?q=rita"
    page = operator.get(address).content.decode()
    assert f'name="next" type="hidden" value="{address}"' in page
    form = {"language": "vi", "next": address}
    changed = operator.post(reverse("accounts:set_language"), form)
    assert changed["Location"] == address
    assert "Người vận hành" in operator.get(reverse("admin:index")).content.decode()


def test_who_may_only_look_at_the_schedule_changes_nothing(root: User) -> None:
    """beat's own actions ask for no permission."""
    every = IntervalSchedule.objects.create(every=100, period="seconds")
    task = PeriodicTask.objects.create(name="T", task="operations.canary", interval=every)
    address = reverse("admin:django_celery_beat_periodictask_changelist")
    chosen = {"index": "0", "_selected_action": str(task.pk)}
    staff = staff_with("view_periodictask")
    for action in ("disable_tasks", "toggle_tasks", "run_tasks"):
        staff.post(address, {**chosen, "action": action})
    task.refresh_from_db()
    assert (task.enabled, task.total_run_count) == (True, 0)
    assert "disable_tasks" not in staff.get(address).content.decode()
    User.objects.get(email="staff@nextflow.example").user_permissions.set(
        Permission.objects.filter(codename__in=["view_periodictask", "change_periodictask"])
    )
    staff.post(address, {**chosen, "action": "disable_tasks"})
    task.refresh_from_db()
    assert not task.enabled


def test_no_page_of_any_list_offers_an_action_to_who_may_only_look() -> None:
    """An action that names no permission is open to whoever sees the list."""
    request = RequestFactory().get("/")
    request.user = User(is_staff=True)
    for model, model_admin in admin.site._registry.items():
        actions: dict[str, Any] = model_admin.get_actions(request)
        for name, action in actions.items():
            assert getattr(action[0], "allowed_permissions", ()), (model, name)


def test_there_is_no_search_of_unfold(operator: Client) -> None:
    assert operator.get(reverse("admin:search"), {"s": "o"}).status_code == 404
