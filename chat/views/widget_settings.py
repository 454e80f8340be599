"""Settings pages of widgets: list, add, edit with a live preview, install, pause."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chat.colors import contrast_hint
from chat.domains import domain_of_origin
from chat.errors import InvalidWidget, NothingRefused, WidgetNotFound
from chat.forms import NewWidgetForm, WidgetForm
from chat.models import Widget
from chat.services.widgets import (
    MAX_WIDGETS,
    allow_refused_origin,
    create_widget,
    pause_widget,
    resume_widget,
    update_widget,
)
from chat.views.widget import frame_modules
from crm.core.errors import AppError
from crm.core.form_guard.edits import version_of
from crm.core.form_guard.idempotency import once, once_adding
from crm.core.permissions import READ, WRITE, Module, require
from crm.core.permissions.requests import member_required
from crm.core.text.domains import display_domain
from crm.core.versions import EditedMeanwhile
from crm.organizations.access import membership_of
from crm.organizations.models import Membership

PAGE = {"active_section": "settings", "active_page": "widgets"}


@never_cache
@member_required
@require_safe
def widgets(request: HttpRequest) -> HttpResponse:
    membership = _reader(request)
    found = Widget.objects.filter(organization_id=membership.organization_id).order_by("id")
    context = {
        **PAGE,
        "rows": [
            {"widget": widget, "domains": [display_domain(each) for each in widget.allowed_domains]}
            for widget in found[:MAX_WIDGETS]
        ],
        "may_change": membership.may(Module.SETTINGS, WRITE),
    }
    return render(request, "chat/settings/widgets.html", context)


@never_cache
@member_required
@require_http_methods(["GET", "HEAD", "POST"])
@once_adding
def new_widget(request: HttpRequest) -> HttpResponse:
    membership = membership_of(request)
    require(membership, Module.SETTINGS, WRITE)
    form = NewWidgetForm(request.POST or None, initial={"name": membership.organization.name})
    status = 200
    if request.method == "POST":
        widget, status = create_from(form, membership)
        if widget is not None:
            messages.success(request, _("The widget is there. Style it, then install it."))
            return redirect("chat:edit_widget", widget.pk)
    return render(request, "chat/settings/new_widget.html", {**PAGE, "form": form}, status=status)


@never_cache
@member_required
@require_http_methods(["GET", "HEAD", "POST"])
@once
def edit_widget(request: HttpRequest, widget_id: UUID) -> HttpResponse:
    """Render a widget's settings with a preview."""
    membership = _reader(request)
    if request.method == "POST":
        require(membership, Module.SETTINGS, WRITE)
    widget = _widget(membership, widget_id)
    form = WidgetForm(request.POST or None, initial=WidgetForm.initial_of(widget), record=widget)
    may_change = membership.may(Module.SETTINGS, WRITE)
    for field in form.fields.values():
        field.disabled = not may_change
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                update_widget(
                    by=membership,
                    widget_id=widget.pk,
                    values=form.values(),
                    version=version_of(request),
                )
            except EditedMeanwhile as refusal:
                widget = _widget(membership, widget_id)
                form.meet(widget, WidgetForm.initial_of(widget))
                status = refusal.status
            except AppError as refusal:
                status = _add_refusal(form, refusal)
            else:
                messages.success(request, _("Saved. Sites show it within five minutes."))
                address = reverse("chat:edit_widget", args=[widget.pk])
                return redirect(f"{address}?to=start" if _is_from_start(request) else address)
    context = {
        **PAGE,
        "widget": widget,
        "form": form,
        "may_change": may_change,
        "color_hint": contrast_hint(widget.color),
        "is_from_start": _is_from_start(request),
        "organization_language": membership.organization.language_code,
    }
    return render(request, "chat/settings/widget.html", context, status=status)


@never_cache
@member_required
@require_safe
def install(request: HttpRequest, widget_id: UUID) -> HttpResponse:
    """Render the snippet and the installation status."""
    membership = _reader(request)
    context = {
        **PAGE,
        **seen_context(membership, _widget(membership, widget_id)),
        "base_url": base_url(request),
        "is_from_start": _is_from_start(request),
    }
    return render(request, "chat/settings/install_widget.html", context)


@never_cache
@member_required
@require_safe
def seen(request: HttpRequest, widget_id: UUID) -> HttpResponse:
    """Render only the installation status; the page polls it."""
    membership = _reader(request)
    context = seen_context(membership, _widget(membership, widget_id))
    context["seen_back"] = "start" if request.GET.get("to") == "start" else ""
    response = render(request, "chat/settings/_seen.html", context)
    if context["seen_back"] and context["widget"].last_seen_at and not context["refused_domain"]:
        # The whole checklist has moved on.
        response["HX-Refresh"] = "true"
    return response


@never_cache
@member_required
@require_safe
@xframe_options_sameorigin
def preview(request: HttpRequest, widget_id: UUID) -> HttpResponse:
    """Render the chat without a visitor; the parent page sends it the settings."""
    widget = _widget(_reader(request), widget_id)
    context = {"widget": widget, "modules": frame_modules()}
    response = render(request, "chat/widget/preview.html", context)
    response._csp_replace = {"frame-ancestors": ["'self'"]}  # type: ignore[attr-defined]
    return response


@member_required
@require_POST
def pause(request: HttpRequest, widget_id: UUID) -> HttpResponse:
    widget = pause_widget(by=membership_of(request), widget_id=widget_id)
    messages.success(request, _("Paused. The chat is shown nowhere until you resume it."))
    return redirect("chat:edit_widget", widget.pk)


@member_required
@require_POST
def resume(request: HttpRequest, widget_id: UUID) -> HttpResponse:
    widget = resume_widget(by=membership_of(request), widget_id=widget_id)
    messages.success(request, _("The chat is shown again."))
    return redirect("chat:edit_widget", widget.pk)


@member_required
@require_POST
def allow_seen(request: HttpRequest, widget_id: UUID) -> HttpResponse:
    """Allow the site on which the loader was last rejected."""
    try:
        allow_refused_origin(
            by=membership_of(request),
            widget_id=widget_id,
            domain=request.POST.get("domain", ""),
        )
    except (InvalidWidget, NothingRefused) as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("Allowed. Load your site again to see the chat."))
    if request.POST.get("to") == "start":
        return redirect("chat:start")
    return redirect("chat:install_widget", widget_id)


def seen_context(membership: Membership, widget: Widget) -> dict[str, Any]:
    """Return the context of `_seen.html`: where the loader was last seen and rejected."""
    refused = domain_of_origin(widget.refused_origin) or ""
    is_newer = widget.refused_at and (
        widget.last_seen_at is None or widget.refused_at > widget.last_seen_at
    )
    shown = refused if is_newer and refused not in widget.allowed_domains else ""
    return {
        "widget": widget,
        "refused_name": shown,
        "refused_domain": display_domain(shown),
        "may_change": membership.may(Module.SETTINGS, WRITE),
        "seen_back": "",
    }


def create_from(form: NewWidgetForm, membership: Membership) -> tuple[Widget | None, int]:
    """Create a widget from a form, or add the errors to it. Return (widget or None, status)."""
    if not form.is_valid():
        return None, 422
    try:
        return create_widget(by=membership, values=form.values()), 201
    except AppError as refusal:
        return None, _add_refusal(form, refusal)


def base_url(request: HttpRequest) -> str:
    return request.build_absolute_uri("/").rstrip("/")


def _is_from_start(request: HttpRequest) -> bool:
    """Return whether the page was opened from the checklist, to link back to it."""
    return "start" in (request.GET.get("to"), request.POST.get("to"))


def _reader(request: HttpRequest) -> Membership:
    membership = membership_of(request)
    require(membership, Module.SETTINGS, READ)
    return membership


def _widget(membership: Membership, widget_id: UUID) -> Widget:
    widget = Widget.objects.filter(organization_id=membership.organization_id, pk=widget_id).first()
    if widget is None:
        raise WidgetNotFound
    return widget


def _add_refusal(form: NewWidgetForm, refusal: AppError) -> int:
    """Add an error to its fields, or to the form. Return the status of the response."""
    errors = refusal.extra.get("errors", {}) if isinstance(refusal, InvalidWidget) else {}
    for name, sentences in errors.items():
        form.add_error(name if name in form.fields else None, sentences)
    if not errors:
        form.add_error(None, refusal.message)
    return refusal.status
