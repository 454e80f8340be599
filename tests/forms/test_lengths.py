"""Entry 21: a text has one longest length, in the form, the API and the store alike."""

import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import pytest
from django import forms
from django.core.exceptions import FieldDoesNotExist
from django.db import models

from chat.api.widgets import WidgetBody
from chat.forms import NewWidgetForm, WidgetForm
from chat.models import Widget
from crm.authentication.api.keys import ApiKeyBody
from crm.authentication.forms.access import ApiKeyForm
from crm.authentication.forms.sign_up import JoinForm
from crm.authentication.models import ApiKey
from crm.compliance.api.holds import LegalHoldBody
from crm.compliance.forms import HoldForm
from crm.compliance.models import LegalHold
from crm.core.api import Body
from crm.core.permissions import Principal
from crm.core.records import RelationField, get_record
from crm.core.records.pages.forms import RecordForm, form_of
from crm.core.text.folding import MAX_SEARCH_LENGTH
from crm.customers.api import CustomerBody
from crm.customers.models import Company, Customer
from crm.deals.models import Deal, LostReason
from crm.organizations.api import MeBody, OrganizationBody
from crm.organizations.forms.members import InviteForm
from crm.organizations.forms.profile import OrganizationForm, ProfileForm
from crm.organizations.forms.roles import NewRoleForm, RoleForm, TeamForm
from crm.organizations.models import CustomRole, Invitation, Membership, Organization, Team, User
from knowledge.api import FaqBody
from knowledge.forms import CategoryForm
from knowledge.models import ANSWER_LENGTH, Faq, FaqCategory
from tests.forms.browsers import browser
from tests.forms.browsers import form_of as form_on

ROOT = Path(__file__).resolve().parent.parent.parent


def _form_of(slug: str) -> type[RecordForm]:
    """Return the form of a record without its relations: what they offer depends on the reader."""
    record, nobody = get_record(slug), cast("Principal", None)
    own = [name for name in record.form if not isinstance(record.field(name), RelationField)]
    return form_of(record, nobody, names=own)


# Which forms and bodies fill which record.
FILLED: dict[type[models.Model], list[type[Any]]] = {
    Faq: [_form_of("faqs"), FaqBody],
    FaqCategory: [CategoryForm],
    User: [ProfileForm, JoinForm, MeBody],
    Organization: [OrganizationForm, OrganizationBody],
    ApiKey: [ApiKeyForm, ApiKeyBody],
    CustomRole: [NewRoleForm, RoleForm],
    Team: [TeamForm],
    Invitation: [InviteForm],
    Customer: [_form_of("customers"), CustomerBody],
    Company: [_form_of("companies")],
    Deal: [_form_of("deals")],
    LostReason: [_form_of("lost-reasons")],
    LegalHold: [HoldForm, LegalHoldBody],
    Widget: [NewWidgetForm, WidgetForm, WidgetBody],
}
_MODULES = ("crm.organizations.forms.profile", "crm.organizations.api", "knowledge.forms")


def _fields(filling: type[Any]) -> dict[str, Any]:
    if issubclass(filling, forms.BaseForm):
        declared: Any = filling
        return dict(declared.base_fields)
    fields = filling().fields
    return {field.source or name: field for name, field in fields.items()}


@pytest.mark.parametrize("model", FILLED, ids=lambda model: model.__name__)
def test_form_api_and_store_have_the_same_longest_length(model: type[models.Model]) -> None:
    compared = 0
    for filling in FILLED[model]:
        for name, field in _fields(filling).items():
            most = getattr(field, "max_length", None)
            try:
                stored: Any = model._meta.get_field(name)
            except FieldDoesNotExist:
                continue
            is_text = isinstance(stored, models.CharField | models.TextField)
            # Of a password the hash is stored.
            if most is None or not is_text or stored.max_length is None or name == "password":
                continue
            compared += 1
            assert most == stored.max_length, (filling.__name__, name)
    assert compared


def test_no_body_is_left_out() -> None:
    """Every body and form that names a record's text is in the table above."""
    known = {each for fillings in FILLED.values() for each in fillings}
    named = {
        each
        for module in _MODULES
        for _name, each in inspect.getmembers(import_module(module), inspect.isclass)
        if each.__module__ == module and issubclass(each, Body | forms.BaseForm)
        if "name" in _fields(each) or "question" in _fields(each)
    }
    assert {each.__name__ for each in named - known} <= {"AskForm", "FaqListQuery"}


@pytest.mark.parametrize("filler", ["line\r\n", "😀", "я"], ids=["lines", "emoji", "letter"])
def test_longest_answer_fits_the_form_and_comes_out_as_it_went_in(
    owner: Membership, filler: str
) -> None:
    """A line end counts as one, and so does an emoji."""
    client = browser(owner)
    form = form_on(client.get("/app/knowledge/new/"), "question") | {"question": "Long?"}
    unit = len(filler.replace("\r\n", "\n"))
    longest = filler * (ANSWER_LENGTH // unit - 1)
    longest += "x" * (ANSWER_LENGTH - unit * (ANSWER_LENGTH // unit - 1))
    too_long = client.post("/app/knowledge/new/", form | {"answer": f"{longest}x"})
    assert too_long.status_code == 422
    assert client.post("/app/knowledge/new/", form | {"answer": longest}).status_code == 302
    assert Faq.objects.get().answer == longest.replace("\r\n", "\n")


def test_templates_name_no_length_of_their_own() -> None:
    """A `maxlength` that is written by hand is that of the field it stands for."""
    own = {
        (path.name, int(most))
        for path in (ROOT / "templates").rglob("*.html")
        for most in re.findall(r'maxlength="(\d+)"', path.read_text())
    }
    everywhere = ("_public_search.html", "_palette.html", "_picker.html", "search.html")
    searches = {("_list.html", 100), *((name, MAX_SEARCH_LENGTH) for name in everywhere)}
    assert own <= {("holds.html", 500), ("categories.html", 100), ("faqs.html", 500)} | searches
