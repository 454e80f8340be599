"""Settings page of legal holds."""

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from crm.compliance.errors import TooManyHolds
from crm.compliance.forms import HoldForm, LiftForm
from crm.compliance.managers import LegalHoldQuerySet
from crm.compliance.models import LegalHold
from crm.compliance.presentation import subjects_in_words
from crm.compliance.services.legal_holds import lift_hold, place_hold
from crm.core.errors import AppError, Invalid
from crm.core.form_guard.idempotency import once_adding
from crm.core.form_guard.sent_forms import reject_or_redirect
from crm.core.permissions import WRITE, Module, require
from crm.core.permissions.requests import member_required
from crm.core.quotas import QuotaExceeded
from crm.organizations.access import membership_of

PAGE = {"active_section": "settings", "active_page": "legal_holds"}
SHOWN = 100


@never_cache
@member_required
@require_http_methods(["GET", "HEAD", "POST"])
@once_adding
def holds(request: HttpRequest) -> HttpResponse:
    """Render the legal holds; a POST places one."""
    membership = membership_of(request)
    require(membership, Module.SETTINGS, WRITE)
    form = HoldForm(request.POST if request.method == "POST" else None, by=membership)
    status = 400 if form.is_bound else 200
    if form.is_valid():
        try:
            place_hold(
                subject=form.cleaned_data["subject"],
                reason=form.cleaned_data["reason"],
                by=membership,
            )
        except (TooManyHolds, QuotaExceeded) as refusal:
            form.add_error(None, refusal.message)
            status = refusal.status
        else:
            messages.success(request, _("It is kept until the hold is lifted."))
            return redirect("compliance:holds")
    found = LegalHold.objects.visible_to(membership).select_related("placed_by", "lifted_by")
    active, more_active = _page(found.active(), request, "after")
    lifted, more_lifted = _page(found.lifted(), request, "lifted_after")
    words = subjects_in_words([*active, *lifted], by=membership)
    context = {
        **PAGE,
        "form": form,
        "active": [(hold, words[hold.subject]) for hold in active],
        "more_active": more_active,
        "lifted": [(hold, words[hold.subject]) for hold in lifted],
        "more_lifted": more_lifted,
    }
    return render(request, "compliance/holds.html", context, status=status)


def _page(
    holds: LegalHoldQuerySet, request: HttpRequest, parameter: str
) -> tuple[list[LegalHold], str]:
    """Return the newest holds, or those after the one that the parameter names; and the address of
    the next page, or "".
    """
    if after := request.GET.get(parameter):
        try:
            holds = holds.before(UUID(after))
        except ValueError:
            return [], ""
    shown = list(holds.newest_first()[: SHOWN + 1])
    if len(shown) <= SHOWN:
        return shown, ""
    query = urlencode({parameter: str(shown[SHOWN - 1].pk)})
    return shown[:SHOWN], f"{reverse('compliance:holds')}?{query}"


@member_required
@require_POST
def lift(request: HttpRequest, hold_id: UUID) -> HttpResponse:
    by = membership_of(request)
    form = LiftForm(request.POST)
    if not form.is_valid():
        require(by, Module.SETTINGS, WRITE)
        words = _("Say why the hold is lifted, in at most 500 characters.")
        return reject_or_redirect(request, Invalid(words), "compliance:holds")
    try:
        lift_hold(hold_id=hold_id, by=by, reason=form.cleaned_data["reason"])
    except AppError as refusal:
        if refusal.status != 404:
            raise
        return reject_or_redirect(request, refusal, "compliance:holds")
    messages.success(request, _("The hold is lifted."))
    return redirect("compliance:holds")
