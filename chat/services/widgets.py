"""Services of widgets: settings, pausing, and installation status."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from chat.domains import domain_of_origin
from chat.errors import InvalidWidget, NothingRefused, TooManyWidgets, WidgetNotFound
from chat.events import widget_group
from chat.models import SetupGuide, Widget
from chat.widget_texts import clean_texts
from crm.core import realtime, tenancy
from crm.core.permissions import WRITE, Module, Principal, require
from crm.core.text.normalization import normalize_line
from crm.core.versions import check_version
from crm.organizations.models import Organization

MAX_WIDGETS = 50
EDITABLE = ("name", "allowed_domains", "color", "position", "texts", "bot_enabled")
_STYLE = frozenset({"color", "position", "texts"})
_RECORD_INTERVAL = timedelta(minutes=1)


@transaction.atomic
def create_widget(*, by: Principal, values: Mapping[str, Any]) -> Widget:
    """Create a widget with these values of EDITABLE. Raise TooManyWidgets or InvalidWidget."""
    require(by, Module.SETTINGS, WRITE)
    # Serializes concurrent creations, which together could exceed the limit.
    Organization.objects.select_for_update(no_key=True).get(pk=by.organization_id)
    if Widget.objects.filter(organization_id=by.organization_id).count() >= MAX_WIDGETS:
        raise TooManyWidgets
    widget = Widget(organization_id=by.organization_id)
    _assign(widget, values)
    widget.save(force_insert=True)
    return widget


@transaction.atomic
def update_widget(
    *, by: Principal, widget_id: UUID, values: Mapping[str, Any], version: int | None = None
) -> Widget:
    """Change the given values; ``version`` is the version that the edit was made from.

    Raise WidgetNotFound, EditedMeanwhile or InvalidWidget.
    """
    widget = _locked(by, widget_id)
    check_version(widget, version)
    _assign(widget, values)
    widget.save(update_fields=[*values, "allowed_domains", "styled_at", "updated_at"])
    return widget


@transaction.atomic
def pause_widget(*, by: Principal, widget_id: UUID) -> Widget:
    """Pause a widget and close its visitors' sockets. Safe to repeat."""
    widget = _locked(by, widget_id)
    if widget.paused_at is None:
        widget.paused_at = timezone.now()
        widget.save(update_fields=["paused_at", "updated_at"])
        group = widget_group(widget.pk)
        transaction.on_commit(
            lambda: realtime.publish((group, {"type": "widget.paused"}), realtime.ACCESS_ENDED),
            robust=True,
        )
    return widget


@transaction.atomic
def resume_widget(*, by: Principal, widget_id: UUID) -> Widget:
    """Resume a paused widget. Safe to repeat."""
    widget = _locked(by, widget_id)
    if widget.paused_at is not None:
        widget.paused_at = None
        widget.save(update_fields=["paused_at", "updated_at"])
    return widget


@transaction.atomic
def allow_refused_origin(*, by: Principal, widget_id: UUID, domain: str) -> Widget:
    """Allow the domain from which the loader was last rejected.

    ``domain`` is the one that the user saw. Raise NothingRefused if it is outdated.
    """
    widget = _locked(by, widget_id)
    if not domain or domain != domain_of_origin(widget.refused_origin):
        raise NothingRefused
    _assign(widget, {"allowed_domains": [*widget.allowed_domains, domain]})
    widget.refused_at, widget.refused_origin = None, ""
    widget.save(update_fields=["allowed_domains", "refused_at", "refused_origin", "updated_at"])
    return widget


def record_seen(widget: Widget, origin: str) -> None:
    """Record that the loader runs on an allowed site, at most once a minute."""
    now = timezone.now()
    if widget.last_seen_at and now - widget.last_seen_at < _RECORD_INTERVAL:
        return
    due = Q(last_seen_at__isnull=True) | Q(last_seen_at__lt=now - _RECORD_INTERVAL)
    with tenancy.organization(widget.organization_id):
        Widget.objects.filter(due, pk=widget.pk).update(
            last_seen_at=now, last_seen_origin=origin[:300]
        )


def record_refused(widget: Widget, origin: str) -> None:
    """Record a site that is not allowed and tried to load the widget, at most once a minute."""
    now = timezone.now()
    if widget.refused_at and now - widget.refused_at < _RECORD_INTERVAL:
        return
    if domain_of_origin(origin) is None:
        return
    due = Q(refused_at__isnull=True) | Q(refused_at__lt=now - _RECORD_INTERVAL)
    with tenancy.organization(widget.organization_id):
        Widget.objects.filter(due, pk=widget.pk).update(refused_at=now, refused_origin=origin[:300])


def dismiss_setup(*, by: Principal) -> None:
    """Hide the setup checklist for the whole organization."""
    require(by, Module.SETTINGS, WRITE)
    SetupGuide.objects.update_or_create(
        organization_id=by.organization_id, defaults={"dismissed_at": timezone.now()}
    )


def show_setup(*, by: Principal) -> None:
    """Show the setup checklist again."""
    require(by, Module.SETTINGS, WRITE)
    SetupGuide.objects.filter(organization_id=by.organization_id).update(dismissed_at=None)


def _locked(by: Principal, widget_id: UUID) -> Widget:
    require(by, Module.SETTINGS, WRITE)
    widget = (
        Widget.objects.select_for_update()
        .filter(organization_id=by.organization_id, pk=widget_id)
        .first()
    )
    if widget is None:
        raise WidgetNotFound
    return widget


def _assign(widget: Widget, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if name not in EDITABLE:
            raise ValueError(f"{name} is not set by an owner.")
        setattr(widget, name, value)
    widget.name = normalize_line(widget.name)
    if _STYLE & values.keys():
        widget.styled_at = timezone.now()
    try:
        widget.full_clean(exclude=["organization", "site_key"])
    except ValidationError as error:
        raise InvalidWidget(extra={"errors": error.message_dict}) from error
    widget.texts = clean_texts(widget.texts)
