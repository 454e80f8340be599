"""The button beside "was deleted"."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from config.errors import AppError
from crm.accounts.access import member_required, membership_of
from crm.accounts.services.undo import undo


@require_POST
@member_required
def undo_action(request: HttpRequest, action_id: UUID) -> HttpResponse:
    """Undo a deletion and go back to the page that offered it."""
    try:
        undo(by=membership_of(request), action_id=action_id)
    except AppError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("It is back."))
    back = request.POST.get("back", "")
    if not url_has_allowed_host_and_scheme(
        back, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        back = settings.LOGIN_REDIRECT_URL
    return redirect(back)
