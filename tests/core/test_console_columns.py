"""What an operator reads of other rows in a column of text takes the permissions of these rows."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.utils import flatten
from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import FieldDoesNotExist
from django.db.models import CharField, ForeignKey, JSONField, TextField
from django.http import HttpRequest
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone

from chat.models import Conversation
from crm.compliance.managers import permissions_of_kinds, withheld_kinds
from crm.compliance.models import AuditEntry, LegalHold
from crm.compliance.services.legal_holds import place_hold
from crm.core.admin.model_admin import ConsoleAdmin
from crm.core.jobs.models import Job
from crm.core.mail.models import Mail
from crm.core.records import get_record, records
from crm.core.records.notes import create_note
from crm.organizations.models import Membership, User
from knowledge.models import Faq
from tests.compliance.audits import settle
from tests.core.consoles import do, staff_with
from tests.downloads import downloaded
from tests.jobs.counting import finish

SECRET = "Minh Secret"
TEXT = (CharField, TextField, JSONField, ArrayField)

# The columns of text that hold no words of rows of other models, but ids, codes, what operators and
# organizations call things, and what takes the permission of this very model to be seen.
HARMLESS = {
    "account.EmailAddress": "email",
    "auth.Group": "name",
    "authentication.ApiKey": "name scopes",
    "authentication.Impersonation": "ended_because reason",
    "authentication.TokenFamily": "device ended_because",
    "authentication.UserSession": "device ended_because",
    "billing.FeatureOverride": "kind name reason",
    "billing.Plan": "features key limit_api_calls limit_background_tasks limit_bot_answers "
    "limit_campaign_mails limit_contacts limit_conversations limit_members limit_stored_bytes",
    "billing.Subscription": "status",
    "billing.UsageRecord": "key metric",
    # The customer is an id to whoever may not view customers.
    "chat.Conversation": "channel customer epoch language_code priority status",
    "chat.Widget": "allowed_domains color name position site_key texts",
    # By kind: see below.
    "compliance.AuditEntry": "action actor_id actor_kind address changes concerned correlation_id "
    "link object_id object_name object_type told what who whose",
    "compliance.LegalHold": "subject",
    "customers.Company": "address domain email name phone tax_code",
    "customers.Customer": "claimed display_name email external_id job_title language_code name "
    "phone stage",
    "deals.Deal": "currency name status",
    "django_celery_beat.CrontabSchedule": "day_of_month day_of_week hour minute month_of_year",
    "django_celery_beat.IntervalSchedule": "period",
    "django_celery_beat.PeriodicTask": "args crontab_translation description exchange headers "
    "kwargs name queue regtask routing_key task",
    "jobs.Job": "error_code kind state",
    "knowledge.Faq": "answer folded_text is_searchable key language_code phrasings question",
    "knowledge.FaqCategory": "name names slug",
    "mail.Mail": "kind language_code to",
    "mfa.Authenticator": "type",
    "operations.CheckRun": "counts found kind",
    "organizations.Membership": "role",
    "organizations.Organization": "currency language_code name slug timezone",
    "organizations.User": "email language_code name phone search_text timezone",
    "socialaccount.SocialAccount": "provider uid",
}


def admins() -> list[Any]:
    return list(admin.site._registry.values())


def asked_by(user: Any) -> HttpRequest:
    request = RequestFactory().get("/admin/")
    request.user = user
    return request


def columns(console: Any, request: HttpRequest) -> set[str]:
    """Return the names that the pages of an admin show, search, filter and fill in."""
    found: set[str] = set(console.get_list_display(request))
    for row in (None, console.model()):
        for _title, options in console.get_fieldsets(request, row):
            found.update(flatten(options["fields"]))
        found.update(console.get_readonly_fields(request, row))
    filters = (each[0] if isinstance(each, tuple) else each for each in console.list_filter)
    found.update(each for each in filters if isinstance(each, str))
    found.update(each.lstrip("^=@").partition("__")[0] for each in console.search_fields)
    return found


def telling_much(console: Any, names: set[str]) -> Iterator[str]:
    """Return the columns of text, those that a method makes, and the names of records' rows."""
    of_records = {record.model for record in records()} | {Conversation}
    for name in names:
        try:
            field: Any = console.opts.get_field(name)
        except FieldDoesNotExist:
            if name not in {"__str__", "action_checkbox"}:
                yield name
            continue
        named = isinstance(field, ForeignKey) and field.related_model in of_records
        if isinstance(field, TEXT) or named:
            yield name


@pytest.mark.django_db
@pytest.mark.parametrize("console", admins(), ids=lambda each: each.opts.label)
def test_every_column_of_text_is_declared(console: ConsoleAdmin, root: User) -> None:
    shown = set(telling_much(console, columns(console, asked_by(root))))
    harmless = set(HARMLESS.get(console.opts.label, "").split())
    declared = harmless | set(console.telling)
    assert shown == declared, (sorted(shown - declared), sorted(declared - shown))
    assert not harmless & set(console.telling)


@pytest.mark.django_db
@pytest.mark.parametrize("console", admins(), ids=lambda each: each.opts.label)
def test_a_telling_column_is_nowhere_for_who_lacks_its_permissions(console: ConsoleAdmin) -> None:
    nobody = asked_by(AnonymousUser())
    searched = {each.lstrip("^=@").partition("__")[0] for each in console.get_search_fields(nobody)}
    for name in console.telling:
        assert name in columns(console, asked_by(User(is_superuser=True, is_active=True)))
        assert name not in searched
        assert name not in console.get_list_display(nobody)
        for row in (None, console.model()):
            assert name not in flatten(
                [options["fields"] for _title, options in console.get_fieldsets(nobody, row)]
            )
            assert name in (console.get_exclude(nobody, row) or ())
        assert not console.lookup_allowed(name, "x", nobody)


def test_the_error_of_a_job_takes_the_permissions_of_all_that_is_imported() -> None:
    ours = [each for each in records() if not each.model.__module__.startswith("tests.")]
    needed = {each.view_permission for each in ours if each.import_keys}
    console: Any = admin.site._registry[Job]
    assert needed <= set(console.telling["error"])


def mail() -> Mail:
    return Mail.objects.create(
        kind="x", to="a@b.example", language_code="en", subject=SECRET, due_at=timezone.now()
    )


def hold(owner: Membership) -> LegalHold:
    return place_hold(by=owner, reason=f"{SECRET} sues us")


def job(owner: Membership) -> Job:
    return Job.objects.create(
        organization=owner.organization,
        kind="tests.count",
        starter_kind="member",
        starter_id=owner.user_id,
        started_by=owner.user,
        language_code="en",
        due_at=timezone.now(),
        error_code="x",
        error=SECRET,
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("of", "rights"),
    [
        ("mail", ["view_customer", "view_conversation"]),
        ("hold", ["view_customer"]),
        (
            "job",
            [
                *("view_company", "view_customer", "view_deal", "view_exchangerate", "view_faq"),
                "view_umbrella",
            ],
        ),
    ],
)
def test_words_of_customers_are_shown_to_who_may_view_these(
    owner: Membership, of: str, rights: list[str]
) -> None:
    row: Any = {"mail": lambda _by: mail(), "hold": hold, "job": job}[of](owner)
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}"
    for given in ([], rights[:-1], rights):
        User.objects.filter(email="staff@nextflow.example").delete()
        client = staff_with(f"view_{row._meta.model_name}", *given)
        page = client.get(reverse(f"{name}_change", args=[row.pk]))
        assert page.status_code == 200
        assert (SECRET in page.content.decode()) is (given == rights), (of, given)
        listed = client.get(reverse(f"{name}_changelist"), {"q": SECRET})
        assert listed.context["cl"].result_count == (1 if of == "hold" and given == rights else 0)


@pytest.fixture
def history(owner: Membership, conversation: Conversation) -> dict[str, AuditEntry]:
    """An entry of each kind that holds words or values of a row."""
    customer = get_record("customers").create(by=owner, name=SECRET)
    create_note(by=owner, record=get_record("customers"), row_id=customer.pk, text="Called.")
    Faq.objects.create(
        organization=owner.organization,
        key="k",
        question=SECRET,
        answer="!",
        language_code="en",
    )
    Conversation.objects.filter(pk=conversation.pk).update(labels=[SECRET])
    settle()
    found = AuditEntry.objects.of(owner.organization_id)
    return {
        kind: found.filter(object_type=kind).newest_first()[0]
        for kind in ("customer", "note", "faq", "conversation")
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("kind", "right", "told"),
    [
        ("customer", "view_customer", SECRET),
        ("note", "view_customer", "customers"),
        ("faq", "view_faq", SECRET),
        ("conversation", "view_conversation", SECRET),
    ],
)
def test_the_audit_tells_the_values_of_a_kind_to_who_may_view_its_rows(
    history: dict[str, AuditEntry], kind: str, right: str, told: str
) -> None:
    entry = history[kind]
    every = {name for needed in permissions_of_kinds().values() for name in needed}
    lacking = {name for name in every if not name.endswith(f".{right}")}
    enough = permissions_of_kinds()[kind]
    for granted, is_told in ((every, True), (enough, True), (lacking, False)):
        rights = {name.partition(".")[2] for name in granted}
        User.objects.filter(email="staff@nextflow.example").delete()
        client = staff_with("view_auditentry", "view_job", "view_organization", *rights)
        address = reverse("admin:compliance_auditentry_change", args=[entry.pk])
        page = client.get(address, {"at": entry.at.isoformat()})
        assert page.status_code == 200
        form = page.context["adminform"].form.instance.presented
        assert form.is_withheld is not is_told
        assert (told in str((form.changes, form.details, form.object_name, form.values))) is is_told
        assert (f"{told}" in page.content.decode().partition("<form")[2]) is is_told
        do(client, "export-audit", Membership.objects.all()[0].organization, format="jsonl")
        file = downloaded(do(client, "fetch", finish(Job.objects.latest("pk")))).decode()
        (line,) = [each for each in file.splitlines() if f'"seq": {entry.seq},' in each]
        assert (told in line) is is_told


@pytest.mark.django_db
def test_what_is_withheld_is_withheld_from_who_lacks_a_permission(root: User) -> None:
    assert withheld_kinds(root) == []
    assert {"conversation", "customer", "faq", "note"} <= set(withheld_kinds(AnonymousUser()))
    assert {record.model._meta.model_name for record in records() if record.has_timeline} <= set(
        withheld_kinds(AnonymousUser())
    )
