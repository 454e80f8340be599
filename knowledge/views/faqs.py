"""The list of FAQs, and the test of the bot."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.middleware import HtmxDetails

from crm.core.fields import moment as read_moment
from crm.core.permissions.requests import member_required
from crm.organizations.models import Membership
from knowledge.errors import InvalidCursor
from knowledge.forms import AskForm, FilterForm
from knowledge.languages import detect_language
from knowledge.managers import FaqQuerySet
from knowledge.models import Faq
from knowledge.services import answer
from knowledge.views.editing import reader_of

PAGE = 30


@require_safe
@never_cache
@member_required
def faqs(request: HttpRequest) -> HttpResponse:
    """Render the list, or only its rows for htmx."""
    membership = reader_of(request)
    filters = FilterForm(request.GET, organization_id=membership.organization_id)
    filters.is_valid()
    chosen = filters.cleaned_data
    found = _narrowed(membership, chosen)
    if place := request.GET.get("after"):
        found = found.changed_before(*_place(place))
    rows = list(found.newest_change_first().select_related("category")[: PAGE + 1])
    context: dict[str, Any] = {
        "active_section": "knowledge",
        "active_tab": "faqs",
        "filters": filters,
        "is_narrowed": any(chosen.values()),
        "faqs": rows[:PAGE],
        "next": _next_url(request, rows[PAGE - 1]) if len(rows) > PAGE else "",
        "shows_deleted": chosen.get("state") == "deleted",
        "ask": AskForm(),
    }
    template = "knowledge/faqs.html"
    if _htmx(request):
        template = "knowledge/_rows.html" if place else "knowledge/_list.html"
    return render(request, template, context)


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
    found = answer(
        organization_id=membership.organization_id,
        question=question,
        language=detect_language(question, fallback=membership.organization.language_code),
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
    return render(request, "knowledge/_index_state.html", {"faq": faq})


def _narrowed(membership: Membership, chosen: dict[str, Any]) -> FaqQuerySet:
    state = chosen.get("state")
    found = (
        Faq.objects.within(membership).deleted()
        if state == "deleted"
        else Faq.objects.visible_to(membership)
    )
    if state == "published":
        found = found.published()
    elif state == "hidden":
        found = found.hidden()
    elif state == "waiting":
        found = found.to_index()
    if text := chosen.get("q"):
        found = found.mentioning(text)
    if language := chosen.get("language"):
        found = found.in_language(language)
    if category := chosen.get("category"):
        found = found.in_category(category)
    return found


def _next_url(request: HttpRequest, last: Faq) -> str:
    kept = {name: request.GET[name] for name in FilterForm.base_fields if request.GET.get(name)}
    return f"?{urlencode(kept | {'after': f'{last.updated_at.isoformat()}_{last.pk.hex}'})}"


def _place(given: str) -> tuple[datetime, UUID]:
    moment, _underscore, pk = given.partition("_")
    try:
        return read_moment(moment), UUID(pk)
    except ValueError as error:
        raise InvalidCursor from error


def _htmx(request: HttpRequest) -> bool:
    details: HtmxDetails = request.htmx  # type: ignore[attr-defined]  # set by its middleware
    return bool(details) and not details.boosted and not details.history_restore_request
