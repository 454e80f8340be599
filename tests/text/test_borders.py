"""Every field that takes text from people brings it to one form; a new one cannot forget it."""

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django import forms
from django.apps import apps
from django.contrib.admin import site
from django.core.exceptions import ValidationError
from django.db import models
from django.http import QueryDict
from rest_framework import serializers

import chat
import config
import crm
import knowledge
from crm.authentication.forms.login import TargetField
from crm.core.api import Body, Query
from crm.core.api.text import NormalizedSerializer
from crm.core.forms import NormalizedText
from crm.core.text import fields

PACKAGES = (config, crm, knowledge, chat)
# Decomposed, with a no-break space, an invisible letter, a control of direction and blanks around.
TYPED = "\u2800Vu\u0303\u00a0Kha\u0301nh\u200b \u202eToa\u0300n\u3164"
IN_A_LINE = "Vũ Khánh Toàn"
IN_LINES = "Vũ\u00a0Khánh Toàn"
ADDRESS, ADDRESS_TYPED = "kim@пример.example", "\u200bKim@XN--E1AFMKFD.example\u00a0"
# Rows of a table: each cell is normalized when it is stored.
AS_TYPED = {"crm.core.transfer.views.imports.UploadForm.text"}
# Columns that programs fill: tokens, hashes, codes, names of the installation, composed emails.
MACHINES = {
    "authentication.ApiKeySecret": {"prefix", "secret_hash"},
    "organizations.Membership": {"left_search_text"},
    "organizations.ExchangeRate": {"base", "currency"},
    "organizations.Organization": {"currency", "slug", "timezone"},
    "core.IdempotentRequest": {"actor", "key", "fingerprint", "body", "location"},
    "organizations.Invitation": {"token_hash"},
    "authentication.TokenFamily": {"device"},
    "authentication.RefreshToken": {"token_hash", "rotated_by"},
    "authentication.UserSession": {"key", "device"},
    "core.DefaultView": {"record", "view"},
    "core.SavedView": {"record"},
    "core.Note": {"actor", "record"},
    "core.StoredText": {"source"},
    "notifications.Notification": {"kind", "key", "subject"},
    "core.UndoableAction": {"kind"},
    "organizations.User": {"password", "timezone", "search_text"},
    "billing.SubscriptionEvent": {"plan_before", "plan_after", "by"},
    "billing.UsageRecord": {"key"},
    "billing.FeatureOverride": {"name"},
    "chat.Conversation": {"language_code", "epoch", "opened_by"},
    "chat.IdentitySecret": {"kid", "sealed"},
    "chat.Widget": {"site_key", "color", "position", "last_seen_origin", "refused_origin"},
    "chat.VisitorToken": {"token_hash"},
    "compliance.AuditEntry": {
        "actor_id",
        "action",
        "object_type",
        "object_id",
        "correlation_id",
    },
    "compliance.AuditValues": {"subject", "actor_id", "address"},
    "compliance.AuditSignature": {"key_id"},
    "jobs.Job": {
        "kind",
        "starter_kind",
        "language_code",
        "timezone_name",
        "stage",
        "error_code",
        "error",
    },
    "jobs.JobChunk": {"file"},
    "transfer.Import": {"record", "encoding", "delimiter", "key"},
    "operations.StoreProbe": {"host"},
    "chat.IdentityUse": {"jti_hash", "shown_with"},
    "compliance.LegalHold": {"subject"},
    # An id of the site, compared exactly: two of theirs stay two people.
    "customers.Customer": {"external_id", "search_text", "sort_name"},
    "customers.Company": {"search_text", "sort_name"},
    "customers.CompanyWord": {"word"},
    "customers.CustomerWord": {"word"},
    "deals.Deal": {"board_rank", "currency", "search_text", "sort_name"},
    "deals.DealWord": {"word"},
    "deals.DealMove": {"actor_name", "from_name", "to_name"},
    "deals.LostReason": {"sort_name"},
    "deals.Pipeline": {"sort_name"},
    "deals.Stage": {"sort_name"},
    "knowledge.Faq": {"folded_text"},
    "mail.Mail": {"kind", "language_code", "subject", "text", "html"},
}


def _modules() -> Iterator[ModuleType]:
    for package in PACKAGES:
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            parts = found.name.split(".")
            if not {"migrations", "__main__", "settings", "asgi", "engines"} & set(parts):
                yield importlib.import_module(found.name)


def _ours(base: type) -> list[Any]:
    found: dict[str, type] = {}
    waiting = [base]
    while waiting:
        each = waiting.pop()
        waiting += each.__subclasses__()
        if each.__module__.partition(".")[0] in {"config", "crm", "knowledge", "chat"}:
            found[f"{each.__module__}.{each.__qualname__}"] = each
    return [found[name] for name in sorted(found)]


MODULES = list(_modules())
FORMS = [each for each in _ours(forms.BaseForm) if each.__name__ != "LimitsForm"]
SERIALIZERS = _ours(NormalizedSerializer)


def _named(each: Any) -> str:
    return f"{each.__module__}.{each.__qualname__}"


def test_there_is_something_to_test() -> None:
    assert len(FORMS) > 40
    assert len(SERIALIZERS) > 30


@pytest.mark.parametrize("form_class", FORMS, ids=_named)
def test_every_form_normalizes_every_field_of_text(form_class: Any) -> None:
    assert issubclass(form_class, NormalizedText)
    assert form_class.full_clean is NormalizedText.full_clean or form_class.__mro__.index(
        NormalizedText
    ) < form_class.__mro__.index(forms.BaseForm)
    fields = {
        name: field
        for name, field in form_class.base_fields.items()
        if isinstance(field, forms.CharField) and not isinstance(field, forms.JSONField)
    }
    typed = QueryDict(mutable=True)
    for name, field in fields.items():
        typed[name] = ADDRESS_TYPED if isinstance(field, forms.EmailField) else TYPED
    # Without what a form's own beginning needs: what is typed is normalized before all of it.
    form = form_class.__new__(form_class)
    forms.BaseForm.__init__(form, data=typed)
    form.normalize_data()
    for name, field in fields.items():
        if isinstance(field, forms.EmailField):
            assert form.data[name] == ADDRESS, name
        elif f"{_named(form_class)}.{name}" in AS_TYPED:
            assert form.data[name] == TYPED, name
        elif not field.strip and not isinstance(field, forms.RegexField):
            is_password = isinstance(field.widget, forms.PasswordInput) or "password" in name
            assert is_password or isinstance(field, TargetField)
            assert form.data[name] == TYPED, name
        else:
            lines = isinstance(field.widget, forms.Textarea)
            assert form.data[name] == (IN_LINES if lines else IN_A_LINE), name


def test_every_form_of_the_admin_normalizes() -> None:
    for model, model_admin in site._registry.items():
        assert issubclass(model_admin.form, NormalizedText), model


@pytest.mark.parametrize("serializer_class", SERIALIZERS, ids=_named)
def test_every_body_and_query_normalizes_every_field_of_text(serializer_class: Any) -> None:
    serializer = serializer_class()
    for name, field in serializer.fields.items():
        typed: Any = TYPED
        wanted: Any = IN_A_LINE
        text = field
        while isinstance(text, serializers.ListField | serializers.DictField):
            text = text.child
        if not isinstance(text, serializers.CharField):
            continue
        if isinstance(text, serializers.EmailField):
            typed, wanted = ADDRESS_TYPED, ADDRESS
        elif not text.trim_whitespace:
            wanted = TYPED
        elif text.style.get("base_template") == "textarea.html":
            wanted = IN_LINES
        if isinstance(field, serializers.ListField):
            typed, wanted = [typed], [wanted]
        if isinstance(field, serializers.DictField):
            typed, wanted = {"en": typed}, {"en": wanted}
            if isinstance(field.child, serializers.DictField):
                typed, wanted = {"en": typed}, {"en": wanted}
        assert serializer.normalized({name: typed}) == {name: wanted}, name


def test_only_bodies_and_queries_read_what_is_sent() -> None:
    for module in MODULES:
        source = inspect.getsource(module) if Path(str(module.__file__)).stat().st_size else ""
        for name in re.findall(r"\b(?:request|parameters)=\[?([A-Z]\w+)", source):
            found = getattr(module, name, None)
            if isinstance(found, type) and issubclass(found, serializers.BaseSerializer):
                assert issubclass(found, Body | Query), (module.__name__, name)


def test_every_column_of_text_normalizes_or_is_filled_by_programs() -> None:
    kinds = (
        fields.LineField,
        fields.PhoneField,
        fields.KeyField,
        fields.DomainField,
        fields.ShortProseField,
        fields.ProseField,
    )
    forgotten = []
    for model in apps.get_models():
        if model.__module__.partition(".")[0] not in {"crm", "chat", "knowledge", "config"}:
            continue
        for field in model._meta.concrete_fields:
            if not isinstance(field, models.CharField | models.TextField) or field.choices:
                continue
            if isinstance(field, (*kinds, fields.AddressField)):
                continue
            if field.name not in MACHINES.get(model._meta.label, ()):
                forgotten.append(f"{model._meta.label}.{field.name}")
    assert forgotten == []


def test_every_column_of_phone_numbers_takes_only_phone_numbers() -> None:
    found = [
        field
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.name == "phone" and isinstance(field, models.CharField)
    ]
    assert [type(field) for field in found] == [fields.PhoneField] * 3
    for field in found:
        assert field.clean("+84\u00a024\u20111234", None) == "+84 24-1234"
        assert field.clean("(+84) 24 3825 1234", None) == "(+84) 24 3825 1234"
        for typed in ("call me", "+", "--", "()-", "/"):
            with pytest.raises(ValidationError):
                field.clean(typed, None)


def test_what_is_looked_for_is_normalized_as_what_is_stored() -> None:
    query = str(
        apps.get_model("customers", "Customer")
        .objects.filter(email=ADDRESS_TYPED, name=TYPED)
        .query
    )
    assert ADDRESS in query
    assert IN_A_LINE in query


def test_modules_of_tests_are_not_among_them() -> None:
    assert not [module for module in MODULES if module.__name__.startswith("tests")]
    assert "crm.organizations.forms.members" in sys.modules
