"""The view of the undo button."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.views.decorators.http import require_POST

from crm.core.errors import AppError
from crm.core.http.redirects import local_target
from crm.core.permissions.requests import member_required, principal_of
from crm.core.undo.services import undo


@require_POST
@member_required
def undo_action(request: HttpRequest, action_id: UUID) -> HttpResponse:
    """Undo an action and redirect to the page that offered it."""
    try:
        undone = undo(by=principal_of(request), action_id=action_id)
    except AppError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, undone.text)
    default = resolve_url(settings.LOGIN_REDIRECT_URL)
    return HttpResponseRedirect(local_target(request, request.POST.get("back"), default))
