"""Lists of the operator's admin are searched without case and accents."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import IntegerField
from django.test import Client, RequestFactory
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from chat.models import Widget
from crm.authentication.models import ApiKey
from crm.compliance.models import LegalHold
from crm.core.admin.model_admin import FOLDED, FOLDED_COLUMNS
from crm.core.text.folding import search_key
from crm.organizations.models import Organization, User
from knowledge.models import FaqCategory

pytestmark = pytest.mark.django_db(transaction=True)

NAMES = [
    ("Vũ Khánh Toàn", ["vu khanh", "TOÀN vũ", "Khánh"]),
    ("Лунёва и Ёлкин", ["лунева", "ЛУНЁВА", "елкин"]),
    ("Đặng O’Brien", ["dang", "đặng o'brien", "ĐẶNG"]),
    ("Straße 100%_7", ["straße", "STRASSE 100", "100%_7"]),
]


def found(operator: Client, model: type[Any], text: str) -> list[str]:
    options = model._meta
    address = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
    answer = operator.get(address, {"q": text})
    assert answer.status_code == 200
    return [str(row) for row in answer.context["cl"].result_list]


def test_names_are_found_without_case_and_accents(operator: Client) -> None:
    every = IntervalSchedule.objects.create(every=7, period="days")
    home = Organization.objects.create(name="Home", slug="home")
    for number, (name, _texts) in enumerate(NAMES):
        Organization.objects.create(name=name, slug=f"o{number}")
        Widget.objects.create(organization=home, name=name)
        FaqCategory.objects.create(organization=home, name=name, slug=f"c{number}")
        ApiKey.objects.create(organization=home, name=name, scopes=[])
        Group.objects.create(name=name)
        PeriodicTask.objects.create(name=name, task="operations.canary", interval=every)
    for model in (Organization, Widget, FaqCategory, ApiKey, Group, PeriodicTask):
        for name, texts in NAMES:
            for text in texts:
                # A period's name is shown with its interval.
                (row,) = found(operator, model, text)
                assert row.startswith(name), (model, text)
        assert found(operator, model, "vu lunyova") == []


def test_rows_are_found_by_the_name_of_their_organization_and_by_a_reason(
    operator: Client,
) -> None:
    home = Organization.objects.create(name="Đặng Trà", slug="home")
    other = Organization.objects.create(name="Else", slug="else")
    hold = LegalHold.objects.create(organization=home, reason="Суд Лунёвой")
    LegalHold.objects.create(organization=other, reason="Audit")
    for text in ("dang tra", "луневой", "DANG луневой"):
        assert found(operator, LegalHold, text) == [str(hold)]


def test_every_list_folds_what_it_searches(operator: Client, root: User) -> None:
    request = RequestFactory().get("/admin/")
    request.user = root
    text = set()
    for model, its_admin in admin.site._registry.items():
        for name in its_admin.get_search_fields(request):
            if name.endswith(FOLDED):
                text.add(f"{model._meta.label}.{name.removesuffix(FOLDED)}")
            elif name[0] not in "^=@" and name.split("__")[-1] not in FOLDED_COLUMNS:
                field = model._meta.get_field(name)
                # Numbers have no case.
                assert isinstance(field, IntegerField), name
    assert {
        "organizations.Organization.name",
        "organizations.Membership.organization__name",
        "chat.Widget.name",
        "knowledge.FaqCategory.name",
        "compliance.LegalHold.reason",
    } <= text


def test_the_letters_of_the_three_languages_are_folded_as_everywhere() -> None:
    vietnamese = "aáàảãạăắằẳẵặâấầẩẫậeéèẻẽẹêếềểễệiíìỉĩịoóòỏõọôốồổỗộơớờởỡợuúùủũụưứừửữựyýỳỷỹỵđ"
    russian = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
    with connection.cursor() as cursor:
        for letter in vietnamese + russian:
            for written in (letter, letter.upper()):
                cursor.execute("SELECT lower(unaccent(%s))", [written])
                assert cursor.fetchone() == (search_key(written),)
