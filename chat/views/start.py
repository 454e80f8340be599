"""The setup checklist of a new organization."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from chat.forms import NewWidgetForm
from chat.models import Widget
from chat.onboarding import ENOUGH_FAQS, STEPS, setup_state
from chat.services.widgets import dismiss_setup, show_setup
from chat.views.widget_settings import base_url, create_from, seen_context
from crm.core.form_guard.idempotency import once
from crm.core.permissions import WRITE, Level, Module, require
from crm.core.permissions.requests import member_required
from crm.organizations.access import membership_of


@never_cache
@member_required
@require_http_methods(["GET", "HEAD", "POST"])
@once
def start(request: HttpRequest) -> HttpResponse:
    """Render the checklist; its state is read from the organization's data.

    A POST creates the site's widget; its errors are shown in place.
    """
    membership = membership_of(request)
    require(membership, Module.SETTINGS, WRITE)
    form = NewWidgetForm(request.POST or None, initial={"name": membership.organization.name})
    status = 200
    if request.method == "POST":
        made, status = create_from(form, membership)
        if made is not None:
            return redirect("chat:start")
        wrong = next(iter(form.errors.keys() & form.fields.keys()), None)
        if wrong:
            form.fields[wrong].widget.attrs["autofocus"] = True
    widget = (
        Widget.objects.filter(organization_id=membership.organization_id, is_active=True)
        .order_by("id")
        .first()
    )
    state = setup_state(membership)
    context = {
        "active_section": "start",
        "state": state,
        "steps": STEPS,
        "enough": ENOUGH_FAQS,
        "next_step": _next_step(state),
        "form": form,
        "may_write_faqs": membership.may(Module.KNOWLEDGE, WRITE),
        "may_import_faqs": membership.may(Module.KNOWLEDGE, WRITE, Level.ALL),
    }
    if widget:
        context |= {**seen_context(membership, widget), "base_url": base_url(request)}
        context["seen_back"] = "start"
    return render(request, "chat/start.html", context, status=status)


@member_required
@require_POST
def dismiss(request: HttpRequest) -> HttpResponse:
    """Hide the checklist, or show it again with ``to=show``."""
    membership = membership_of(request)
    if request.POST.get("to") == "show":
        show_setup(by=membership)
        return redirect("chat:start")
    dismiss_setup(by=membership)
    messages.success(request, _("The checklist is put away. You find it under Settings, Widgets."))
    return redirect("chat:inbox")


def _next_step(state: object) -> str:
    order = ("has_site", "is_styled", "is_seen", "has_faqs", "has_colleague")
    return next((name for name in order if not getattr(state, name)), "")
