"""What the forms of the operator's admin store."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from chat.models import Widget
from crm.core.admin.model_admin import ReadOnlyAdmin
from crm.customers.models import Customer
from crm.organizations.models import Organization, User
from knowledge.models import Faq
from tests.core.consoles import EDITED
from tests.core.test_console import add_rows
from tests.forms.browsers import form_of

pytestmark = pytest.mark.django_db(transaction=True)

DERIVED = {
    "version",
    "updated_at",
    "date_changed",
    "indexed_version",
    "indexed_at",
    "folded_text",
}


def page(model: type[Model], name: str, *args: Any) -> str:
    options = model._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_{name}", args=args)


def values(row: Any) -> dict[str, Any]:
    """Return all stored values, including relations, without derived ones."""
    row = type(row)._base_manager.get(pk=row.pk)
    found = {
        field.attname: field.value_from_object(row)
        for field in row._meta.concrete_fields
        if field.name not in DERIVED
    }
    related = {
        field.name: sorted(str(each.pk) for each in field.value_from_object(row))
        for field in row._meta.many_to_many
    }
    return found | related


def add_peculiar_values() -> None:
    """Give the stored rows values that a form could lose."""
    now = timezone.now().replace(microsecond=123456)
    Faq.objects.update(phrasings=["Where, when and how?", "When; or never?"], answer="A,\nB.")
    Widget.objects.update(
        allowed_domains=["a.example", "*.b.example"],
        paused_at=now,
        texts={"en": {"suggestions": "One?\nTwo, or three?"}},
    )
    PeriodicTask.objects.update(
        args='["a, b"]', kwargs='{"a": [1, 2]}', expires=now + timedelta(days=1), start_time=now
    )
    for user in User.objects.all():
        user.user_permissions.set(Permission.objects.all()[:2])
    Organization.objects.update(timezone="US/Eastern")


def test_a_page_that_is_saved_unchanged_changes_nothing(operator: Client) -> None:
    for number in range(2):
        add_rows(number)
    add_peculiar_values()
    saved = set()
    for model, its_admin in admin.site._registry.items():
        label = model._meta.label
        if isinstance(its_admin, ReadOnlyAdmin) or label == "organizations.Membership":
            continue
        for row in model._default_manager.all():
            before, address = values(row), page(model, "change", row.pk)
            form = form_of(operator.get(address), EDITED[label])
            answer = operator.post(address, form)
            assert answer.status_code == 302, (label, answer.context["adminform"].form.errors)
            assert values(row) == before, label
            saved.add(label)
    assert saved == EDITED.keys()


def test_values_of_an_array_are_one_a_line(operator: Client) -> None:
    add_rows(0)
    faq = Faq.objects.get()
    address = page(Faq, "change", faq.pk)
    form = form_of(operator.get(address), "question")
    typed = "Where, and when?\r\n\r\n  How, then?  \r\n"
    assert operator.post(address, form | {"phrasings": typed}).status_code == 302
    faq.refresh_from_db()
    assert faq.phrasings == ["Where, and when?", "How, then?"]


def test_texts_of_a_widget_are_stored_normalized(operator: Client) -> None:
    add_rows(0)
    widget = Widget.objects.get()
    address = page(Widget, "change", widget.pk)
    form = form_of(operator.get(address), "name")
    texts = '{"en": {"title": "A\\u202eB", "suggestions": "1?\\n\\n2?\\n \\n3?\\n4?\\n5?\\n6?"}}'
    answer = operator.post(address, form | {"texts": texts})
    assert answer.status_code == 302, answer.context["errors"]
    widget.refresh_from_db()
    assert widget.texts == {"en": {"title": "AB", "suggestions": "1?\n2?\n3?\n4?\n5?\n6?"}}


def _additions(organization: Organization, user: User) -> dict[str, dict[str, Any]]:
    """Return what an operator types on each page that adds a row."""
    theirs = {"organization": organization.pk}
    every = IntervalSchedule.objects.create(every=7, period="days")
    return {
        "organizations.Organization": {
            "name": "New",
            "slug": "new",
            "language_code": "en",
            "timezone": "UTC",
        },
        "organizations.User": {"email": "new@a.example", "name": "Newt", "language_code": "en"},
        "organizations.Membership": theirs | {"user": user.pk, "role": "agent"},
        "auth.Group": {"name": "New"},
        "billing.Plan": {"key": "new", "position": "9"},
        "chat.Widget": theirs
        | {"name": "New", "allowed_domains": "a.b", "color": "#8a4b2a", "position": "left"}
        | {"texts": "{}"},
        "django_celery_beat.CrontabSchedule": {
            "minute": "1",
            "hour": "*",
            "day_of_month": "*",
            "month_of_year": "*",
            "day_of_week": "*",
            "timezone": "UTC",
        },
        "django_celery_beat.IntervalSchedule": {"every": "77", "period": "days"},
        "django_celery_beat.PeriodicTask": {
            "name": "New",
            "regtask": "operations.canary",
            "interval": every.pk,
            "args": "[]",
            "kwargs": "{}",
            "headers": "{}",
        },
        "knowledge.Faq": theirs
        | {"question": "New?", "answer": "A.", "language_code": "en", "key": "new"},
        "knowledge.FaqCategory": theirs
        | {"name": "New", "names": "{}", "slug": "new", "position": "1"},
    }


def test_every_page_that_adds_a_row_adds_it(
    operator: Client, root: User, organization: Organization
) -> None:
    request = RequestFactory().get("/admin/")
    request.user = root
    models = {
        model._meta.label: model
        for model, its_admin in admin.site._registry.items()
        if its_admin.has_add_permission(request)
    }
    additions = _additions(organization, root)
    assert models.keys() == additions.keys()
    for label, typed in additions.items():
        before = models[label]._default_manager.count()
        address = page(models[label], "add")
        shown = operator.get(address)
        form = form_of(shown, EDITED[label]) if label in EDITED else {}
        answer = operator.post(address, form | typed)
        assert answer.status_code == 302, (label, answer.context["errors"])
        assert models[label]._default_manager.count() == before + 1, label


@pytest.mark.parametrize(
    "typed",
    [
        {"task": "x" * 201, "regtask": ""},
        {"task": "a\x00b", "regtask": ""},
        {"task": "", "regtask": "x" * 201},
        {"task": "", "regtask": "a\x00b"},
        {"task": "", "regtask": ""},
        {"args": "[" * 3_000},
        {"args": "{}"},
        {"kwargs": '{"__type__": "datetime", "__value__": 5}'},
        {"kwargs": "1e400"},
        {"headers": "[" * 3_000},
    ],
    ids=lambda typed: str(typed)[:40],
)
def test_a_periodic_task_that_cannot_be_stored_is_refused(
    operator: Client, organization: Organization, root: User, typed: dict[str, str]
) -> None:
    form = _additions(organization, root)["django_celery_beat.PeriodicTask"]
    answer = operator.post(page(PeriodicTask, "add"), form | typed)
    assert answer.status_code == 200
    assert answer.context["errors"]
    assert not PeriodicTask.objects.filter(name="New").exists()


@pytest.mark.parametrize(
    ("stored", "typed", "reason"),
    [
        ({"stage": "customer", "name": "An"}, {"name": ""}, "Fill in a name"),
        ({"stage": "visitor"}, {"name": "An"}, "is a customer, not a visitor"),
        ({"stage": "visitor"}, {"language_code": "zz"}, "Select a valid choice"),
    ],
)
def test_the_rules_of_a_customer_hold_for_operators(
    operator: Client,
    organization: Organization,
    stored: dict[str, str],
    typed: dict[str, str],
    reason: str,
) -> None:
    customer = Customer.objects.create(organization=organization, **stored)
    before = values(customer)
    address = page(Customer, "change", customer.pk)
    answer = operator.post(address, form_of(operator.get(address), "phone") | typed)
    assert (answer.status_code, values(customer)) == (200, before)
    assert reason in answer.content.decode()
