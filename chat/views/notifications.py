"""The settings page of a member's notifications."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from chat.alert_forms import AlertSettingsForm
from chat.models import AlertSettings
from chat.services.alerts import alert_settings, change_alert_settings
from crm.core.form_guard.edits import version_of
from crm.core.form_guard.idempotency import once
from crm.core.permissions.requests import member_required
from crm.core.versions import EditedMeanwhile
from crm.organizations.access import membership_of


@never_cache
@member_required
@require_http_methods(["GET", "HEAD", "POST"])
@once
def notifications(request: HttpRequest) -> HttpResponse:
    membership = membership_of(request)
    own = alert_settings(membership)
    form = AlertSettingsForm(request.POST or None, initial=_values(own), record=own)
    if request.method == "POST" and form.is_valid():
        try:
            change_alert_settings(by=membership, version=version_of(request), **form.cleaned_data)
        except EditedMeanwhile as refusal:
            present = alert_settings(membership)
            form.meet(present, _values(present))
            return _page(request, form, status=refusal.status)
        messages.success(request, _("Saved."))
        return redirect("chat:notifications")
    return _page(request, form, status=400 if form.is_bound else 200)


def _values(own: AlertSettings) -> dict[str, Any]:
    return {name: getattr(own, name) for name in AlertSettingsForm.base_fields}


def _page(request: HttpRequest, form: AlertSettingsForm, *, status: int) -> HttpResponse:
    context = {"active_section": "settings", "active_page": "notifications", "form": form}
    return render(request, "chat/settings/notifications.html", context, status=status)
