"""Ending an impersonation."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from crm.authentication.impersonation import impersonated_by
from crm.authentication.models import Impersonation, ImpersonationEndReason
from crm.authentication.services.impersonation import SESSION_KEY, end_impersonation


@require_POST
def stop(request: HttpRequest) -> HttpResponse:
    """End the impersonation; redirect to the admin if there is none."""
    membership = impersonated_by(request) if request.user.is_authenticated else None
    request.session.pop(SESSION_KEY, None)
    if membership is None or not isinstance(membership.impersonation, Impersonation):
        return redirect("admin:index")
    end_impersonation(
        impersonation=membership.impersonation, because=ImpersonationEndReason.STOPPED
    )
    return redirect("admin:organizations_membership_change", membership.pk)
