"""Times at the ends of the calendar are refused wherever somebody may enter one."""

import contextlib
import importlib
from collections.abc import Iterator
from typing import Any

import pytest
from django import forms
from django.apps import apps
from django.contrib import admin
from django.test import Client, RequestFactory
from django.urls import get_resolver, reverse
from rest_framework import serializers

from chat.models import Conversation
from crm.authentication.models import ApiKey
from crm.core.fields import MomentField
from crm.core.forms import NormalizedText
from crm.organizations.models import Organization, User
from tests.api.conftest import Api, api

__all__ = ["api"]
EDGES = ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59.999999Z"]
OURS = ("crm.", "chat.", "knowledge.")


def _below(parent: type[Any]) -> Iterator[type[Any]]:
    for child in parent.__subclasses__():
        yield child
        yield from _below(child)


def test_every_time_that_the_api_takes_is_bounded() -> None:
    assert get_resolver().url_patterns
    seen = 0
    for kind in set(_below(serializers.Serializer)):
        if not kind.__module__.startswith(OURS):
            continue
        for name, field in kind._declared_fields.items():
            if isinstance(field, serializers.DateTimeField) and not field.read_only:
                assert isinstance(field, MomentField), (kind, name)
                seen += 1
    assert seen > 10


@pytest.mark.parametrize("edge", EDGES)
def test_a_field_refuses_the_ends_of_the_calendar(edge: str) -> None:
    with pytest.raises(serializers.ValidationError):
        MomentField().run_validation(edge)


@pytest.mark.parametrize("typed", ["2026-01-01T00:00:00", "2026-01-01", "2026-W01"])
def test_a_time_without_an_offset_is_no_time(typed: str) -> None:
    with pytest.raises(serializers.ValidationError):
        MomentField().run_validation(typed)


@pytest.mark.parametrize("edge", EDGES)
def test_neither_a_key_nor_a_snooze_ends_beyond_the_calendar(
    api: Api, conversation: Conversation, edge: str
) -> None:
    body = {"name": "k", "scopes": ["inbox:read"], "expires_at": edge}
    assert api.post("/api/v1/api-keys", body).status_code == 400
    assert not ApiKey.objects.exists()
    path = f"/api/v1/conversations/{conversation.pk}/snooze"
    assert api.post(path, {"until": edge}).status_code == 400


def test_every_form_with_a_time_is_bounded() -> None:
    for config in apps.get_app_configs():
        if config.name.startswith(("crm", "chat", "knowledge")):
            for name in ("forms", "admin"):
                with contextlib.suppress(ModuleNotFoundError):
                    importlib.import_module(f"{config.name}.{name}")
    for kind in set(_below(forms.BaseForm)):
        times = [
            field
            for field in getattr(kind, "base_fields", {}).values()
            if isinstance(field, forms.DateTimeField | forms.SplitDateTimeField)
        ]
        if times and kind.__module__.startswith(OURS):
            assert issubclass(kind, NormalizedText), kind


def _forms_with_times(root: User) -> Iterator[tuple[type[Any], Any, str]]:
    request = RequestFactory().get("/admin/")
    request.user = root
    for model, its_admin in admin.site._registry.items():
        if not its_admin.has_change_permission(request):
            continue
        kind = its_admin.get_form(request, None)
        for name, field in kind.base_fields.items():
            if isinstance(field, forms.DateTimeField | forms.SplitDateTimeField):
                yield model, kind, name


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_every_time_of_the_admin_is_bounded(db: None, root: User, day: str) -> None:
    seen = set()
    for model, kind, name in _forms_with_times(root):
        for clock in ("00:00:00", "23:59:59"):
            form = kind({f"{name}_0": day, f"{name}_1": clock, name: f"{day} {clock}"})
            assert name in form.errors, (model, name)
        seen.add(f"{model._meta.label}.{name}")
    assert {"chat.Widget.paused_at", "django_celery_beat.PeriodicTask.start_time"} <= seen


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_an_override_ends_within_the_calendar(
    operator: Client, organization: Organization, day: str
) -> None:
    address = reverse("admin:organizations_organization_override-quota", args=[organization.pk])
    typed = {"metric": "members", "limit": "5", "reason": "A pilot of theirs"}
    answer = operator.post(address, typed | {"expires_at": f"{day}T23:59"})
    assert answer.status_code == 400
    assert "expires_at" in answer.context["form"].errors
