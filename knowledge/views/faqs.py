"""What the list of FAQs has beside that of every record: the test of the bot, and deleted FAQs."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from crm.core import ratelimit
from crm.core.permissions import WRITE, Module, require
from crm.core.permissions.requests import member_required
from crm.core.quotas import QuotaExceeded
from crm.organizations.access import membership_of
from crm.organizations.models import Membership
from knowledge.errors import FaqKeyTaken
from knowledge.forms import AskForm
from knowledge.languages import detect_language
from knowledge.models import Faq
from knowledge.services import answer, restore_faq

DELETED_SHOWN = 200
# Seconds that a page waits while others try the bot.
PATIENCE = 2.0


def reader_of(request: HttpRequest) -> Membership:
    """Return the membership if it has read permission on knowledge. Raise Forbidden."""
    membership = membership_of(request)
    require(membership, Module.KNOWLEDGE)
    return membership


def manager_of(request: HttpRequest) -> Membership:
    """Return the membership if it has write permission on knowledge. Raise Forbidden."""
    membership = membership_of(request)
    require(membership, Module.KNOWLEDGE, WRITE)
    return membership


@require_safe
def import_page(request: HttpRequest) -> HttpResponse:
    """Lead to the import of every record, where a bookmark has the one that FAQs had."""
    return redirect("transfer:new_import", slug="faqs", permanent=True)


@require_POST
@never_cache
@member_required
def ask(request: HttpRequest) -> HttpResponse:
    """Render the bot's answer, its confidence, and the nearest FAQs."""
    membership = reader_of(request)
    form = AskForm(request.POST)
    if not form.is_valid():
        return render(request, "knowledge/_asked.html", {"form": form})
    question = form.cleaned_data["question"]
    ratelimit.enforce("ask", {"user": membership.user_id})
    found = answer(
        organization_id=membership.organization_id,
        question=question,
        language=detect_language(question, fallback=membership.organization.language_code),
        patience=PATIENCE,
    )
    return render(
        request,
        "knowledge/_asked.html",
        {"form": form, "found": found, "percent": round(found.confidence * 100)},
    )


@require_safe
@never_cache
@member_required
def index_state(request: HttpRequest, faq_id: UUID) -> HttpResponse:
    """Render whether a FAQ is indexed."""
    faq = get_object_or_404(Faq.objects.visible_to(reader_of(request)), pk=faq_id)
    return render(request, "knowledge/_index_state.html", {"value": faq})


@require_safe
@never_cache
@member_required
def deleted(request: HttpRequest) -> HttpResponse:
    """Render the FAQs that were deleted lately and can be restored."""
    found = Faq.objects.within(manager_of(request)).deleted().order_by("-deleted_at")
    context = {"active_section": "faqs", "active_tab": "faqs", "faqs": found[:DELETED_SHOWN]}
    return render(request, "knowledge/deleted.html", context)


@require_POST
@member_required
def restore(request: HttpRequest, faq_id: UUID) -> HttpResponse:
    membership = manager_of(request)
    try:
        restore_faq(faq_id=faq_id, by=membership)
    except (FaqKeyTaken, QuotaExceeded) as error:
        messages.error(request, _(error.message))
    else:
        messages.success(request, _("The FAQ is back."))
    return redirect("knowledge:list")
