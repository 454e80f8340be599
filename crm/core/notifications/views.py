"""Pages of notifications: the list, opening one, marking all as read, and the settings."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.core.api.lists import keyset_page
from crm.core.errors import NotFound
from crm.core.form_guard.edits import EditForm, version_of
from crm.core.form_guard.idempotency import once
from crm.core.notifications.kinds import notification_kinds, present
from crm.core.notifications.models import Notification, NotificationSettings
from crm.core.notifications.services import (
    change_notification_settings,
    is_chosen,
    mark_read,
    notification_settings,
)
from crm.core.permissions.requests import member_required, principal_of
from crm.core.versions import EditedMeanwhile

SHOWN = 30
CURSOR = "after"


@require_safe
@never_cache
@member_required
def notification_list(request: HttpRequest) -> HttpResponse:
    """Render the reader's notifications, the newest first; the rows alone for htmx."""
    reader = principal_of(request)
    is_unread = request.GET.get("show") == "unread"
    found = Notification.objects.visible_to(reader)
    page = keyset_page(
        found.unread() if is_unread else found,
        ordering="-created_at",
        scope="notifications page",
        cursor=request.GET.get(CURSOR),
        limit=SHOWN,
    )
    query = "show=unread&" if is_unread else ""
    context = {
        "active_section": "notifications",
        "rows": present(reader, page.rows),
        "is_unread": is_unread,
        "next_url": f"?{query}{CURSOR}={page.next_cursor}" if page.next_cursor else "",
    }
    is_more = bool(request.htmx) and CURSOR in request.GET  # type: ignore[attr-defined]
    template = "notifications/_rows.html" if is_more else "notifications/list.html"
    return render(request, template, context)


@require_POST
@member_required
def open_notification(request: HttpRequest, notification_id: UUID) -> HttpResponse:
    """Mark a notification as read and lead to what it is about."""
    reader = principal_of(request)
    found = Notification.objects.visible_to(reader).filter(pk=notification_id)
    (shown,) = present(reader, found) or (None,)
    if shown is None:
        raise NotFound
    mark_read(by=reader, ids=[notification_id])
    return redirect(shown.url or "notifications:list")


@require_POST
@member_required
def read_all(request: HttpRequest) -> HttpResponse:
    mark_read(by=principal_of(request))
    return redirect("notifications:list")


class SettingsForm(EditForm):
    """A field for each kind and way, named ``shown:<kind>`` and ``emailed:<kind>``."""

    def names(self, way: str) -> list[str]:
        start = f"{way}:"
        data = self.cleaned_data.items()
        return [name.removeprefix(start) for name, on in data if on and name.startswith(start)]

    def lines(self) -> list[tuple[str, Any, Any]]:
        """Return each kind with its two fields, for the table."""
        return [
            (str(kind.label), self[f"shown:{kind.name}"], self[f"emailed:{kind.name}"])
            for kind in notification_kinds()
        ]


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@member_required
@once
def preferences(request: HttpRequest) -> HttpResponse:
    """Choose which kinds are shown and which are emailed; a conflict shows both choices."""
    by = principal_of(request)
    own = notification_settings(by)
    form = _form_class()(request.POST or None, initial=_values(own), record=own)
    status = 400 if form.is_bound else 200
    if request.method == "POST" and form.is_valid():
        try:
            change_notification_settings(
                by=by,
                shown=form.names("shown"),
                emailed=form.names("emailed"),
                version=version_of(request),
            )
        except EditedMeanwhile as refusal:
            own = notification_settings(by)
            form.meet(own, _values(own))
            status = refusal.status
        else:
            messages.success(request, _("Saved."))
            return redirect("notifications:preferences")
    context = {"active_section": "settings", "active_page": "notification_kinds", "form": form}
    return render(request, "notifications/preferences.html", context, status=status)


def _form_class() -> type[SettingsForm]:
    ways = {"shown": _("In the application"), "emailed": _("By email")}
    fields = {
        f"{way}:{kind.name}": forms.BooleanField(
            label=f"{kind.label}: {label}",
            required=False,
            widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
        )
        for kind in notification_kinds()
        for way, label in ways.items()
    }
    return type("NotificationSettingsForm", (SettingsForm,), fields)


def _values(own: NotificationSettings) -> dict[str, bool]:
    values = {}
    for kind in notification_kinds():
        is_shown, is_emailed = is_chosen(kind, own)
        values[f"shown:{kind.name}"] = is_shown
        values[f"emailed:{kind.name}"] = is_emailed
    return values
