"""The list of questions that the bot could not answer."""

from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chat.interactions import BotInteraction
from chat.models import Conversation
from crm.core.fields import moment as read_moment
from crm.core.form_guard.idempotency import once, once_adding_with_form
from crm.core.permissions import READ, Level, Module, require
from crm.core.permissions.requests import member_required
from crm.core.records import get_record
from crm.core.records.pages.record import creation_page
from crm.organizations.models import Membership
from knowledge.errors import InvalidCursor, KnowledgeUnavailable
from knowledge.models import QUESTION_LENGTH, Faq
from knowledge.record import FAQS
from knowledge.services import Source, add_phrasing, answer
from knowledge.views.faqs import manager_of, reader_of

PAGE = 30
# A list that somebody sees a part of is filled from at most so many pages of the whole.
_PAGES_READ = 10


@require_safe
@never_cache
@member_required
def unanswered(request: HttpRequest) -> HttpResponse:
    """Render the questions that the bot escalated because it had no answer."""
    membership = reader_of(request)
    require(membership, Module.INBOX)
    place = request.GET.get("after")
    settled = request.GET.get("settled", "")
    rows = _visible_questions(membership, before=_place(place) if place else None)
    last = rows[PAGE - 1] if len(rows) > PAGE else None
    return render(
        request,
        "knowledge/questions.html",
        {
            "active_section": "faqs",
            "active_tab": "questions",
            "questions": rows[:PAGE],
            "settled": settled if _looks_like_an_id(settled) else "",
            "next": (
                f"?{urlencode({'after': f'{last.created_at.isoformat()}_{last.id}'})}"
                if last
                else ""
            ),
        },
    )


@require_http_methods(["GET", "POST"])
@never_cache
@member_required
@once_adding_with_form
def answer_question(request: HttpRequest, question_id: str) -> HttpResponse:
    """Create a FAQ from an unanswered question and mark the question as resolved.

    Of one that a colleague resolved meanwhile only once that was said.
    """
    membership = manager_of(request)
    question = _question(membership, question_id)

    def resolve(faq: Faq) -> None:
        BotInteraction.objects.resolve(
            membership.organization_id, question_id, by=membership.user_id
        )

    return creation_page(
        request,
        get_record(FAQS.slug),
        initial={
            "question": " ".join(question.question.split())[:QUESTION_LENGTH],
            "language_code": question.language or membership.organization.language_code,
            "is_published": True,
        },
        saved=resolve,
        back=reverse("chat:unanswered"),
        warning=_settled_words() if question.settled_at else "",
        template="knowledge/answer.html",
        context={"question_id": question_id, "nearest": _nearest(question)},
    )


def _nearest(question: BotInteraction) -> tuple[Source, ...]:
    """Return the nearest FAQs; none if the search is unavailable."""
    try:
        found = answer(
            organization_id=question.tenant_id,
            question=question.question,
            language=question.language,
        )
    except KnowledgeUnavailable:
        return ()
    return found.passages[:3]


def _settled_words() -> str:
    return _(
        "Somebody took care of this question meanwhile: it left the list. Save only if there "
        "should be another FAQ."
    )


@require_POST
@member_required
@once
def same_as(request: HttpRequest, question_id: str) -> HttpResponse:
    """Add the question to an existing FAQ and mark the question as resolved."""
    membership = manager_of(request)
    question = _question(membership, question_id)
    if question.settled_at:
        messages.error(
            request, _("Somebody took care of this question meanwhile. Nothing was changed.")
        )
        return redirect("chat:unanswered")
    try:
        faq_id = UUID(request.POST.get("faq", ""))
    except ValueError as error:
        raise Http404 from error
    add_phrasing(
        faq_id=faq_id,
        phrasing=question.question,
        by=membership,
    )
    # Not before it is certain that the FAQ keeps it: a once-key holds the transaction.
    transaction.on_commit(
        lambda: BotInteraction.objects.resolve(
            membership.organization_id, question_id, by=membership.user_id
        )
    )
    messages.success(request, _("Saved. The bot knows it in a moment."))
    return redirect("chat:unanswered")


@require_POST
@member_required
def settle_question(request: HttpRequest, question_id: str) -> HttpResponse:
    """Mark a question as resolved without changing any FAQ."""
    membership = manager_of(request)
    _question(membership, question_id)
    if not BotInteraction.objects.resolve(
        membership.organization_id, question_id, by=membership.user_id
    ):
        raise Http404
    return redirect(f"{reverse('chat:unanswered')}?{urlencode({'settled': question_id})}")


@require_POST
@member_required
def unsettle_question(request: HttpRequest, question_id: str) -> HttpResponse:
    membership = manager_of(request)
    _question(membership, question_id)
    if not BotInteraction.objects.unsettle(membership.organization_id, question_id):
        raise Http404
    messages.success(request, _("The question is back."))
    return redirect("chat:unanswered")


def _question(membership: Membership, question_id: str) -> BotInteraction:
    """Return a question of a conversation that the member may read. Raise Forbidden or Http404."""
    require(membership, Module.INBOX)
    question = BotInteraction.objects.numbered(membership.organization_id, question_id)
    if question is None or not _among_visible(membership, [question]):
        raise Http404
    return question


def _visible_questions(
    membership: Membership, *, before: tuple[datetime, str] | None
) -> list[BotInteraction]:
    """Return up to PAGE + 1 unanswered questions from conversations that the member may read."""
    found: list[BotInteraction] = []
    for _page in range(_PAGES_READ):
        rows = BotInteraction.objects.unanswered(
            membership.organization_id, before=before, limit=PAGE + 1
        )
        found += _among_visible(membership, rows)
        if len(rows) <= PAGE or len(found) > PAGE:
            break
        before = (rows[-1].created_at, rows[-1].id)
    return found[: PAGE + 1]


def _among_visible(membership: Membership, rows: list[BotInteraction]) -> list[BotInteraction]:
    if membership.level(Module.INBOX, READ) == Level.ALL:
        return rows
    visible = set(
        Conversation.objects.visible_to(membership)
        .filter(pk__in=[row.conversation_id for row in rows])
        .values_list("pk", flat=True)
    )
    return [row for row in rows if row.conversation_id in visible]


def _place(given: str) -> tuple[datetime, str]:
    moment, _underscore, identifier = given.partition("_")
    try:
        place = read_moment(moment)
    except ValueError as error:
        raise InvalidCursor from error
    if not _looks_like_an_id(identifier):
        raise InvalidCursor
    return place, identifier


def _looks_like_an_id(given: str) -> bool:
    return len(given) == 24 and all(character in "0123456789abcdef" for character in given)
