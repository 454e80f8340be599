"""The settings page of a member's notifications."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from chat.alert_forms import AlertSettingsForm
from chat.services.alerts import alert_settings, change_alert_settings
from crm.accounts.access import member_required, membership_of


@never_cache
@member_required
@require_http_methods(["GET", "HEAD", "POST"])
def notifications(request: HttpRequest) -> HttpResponse:
    membership = membership_of(request)
    own = alert_settings(membership)
    fields = {name: getattr(own, name) for name in AlertSettingsForm.base_fields}
    form = AlertSettingsForm(request.POST or None, initial=fields)
    if request.method == "POST" and form.is_valid():
        change_alert_settings(by=membership, **form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("chat:notifications")
    context = {"active_section": "settings", "active_page": "notifications", "form": form}
    status = 400 if form.is_bound else 200
    return render(request, "chat/settings/notifications.html", context, status=status)
