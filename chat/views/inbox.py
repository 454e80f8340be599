"""The inbox's page; what changes on it later comes through the socket and the API."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from chat import inbox
from chat.models import Status
from crm.accounts.access import member_required, membership_of
from crm.accounts.models import Membership


@require_safe
@never_cache
@ensure_csrf_cookie
@member_required
def inbox_page(request: HttpRequest, conversation_id: UUID | None = None) -> HttpResponse:
    membership = membership_of(request)
    box = _one_of(request.GET.get("box"), [str(box) for box in inbox.Box], "all")
    status = _one_of(request.GET.get("status"), Status.values, "open")
    conversation = inbox.find(membership, conversation_id) if conversation_id else None
    page = inbox.page(membership, box=inbox.Box(box), status=Status(status))
    opened: dict[str, Any] | None = None
    if conversation:
        opened = {
            "detail": inbox.detail(membership, conversation),
            "history": inbox.history(membership, conversation),
        }
    state = {
        "me": _me(membership),
        "language": translation.get_language(),
        "timezone": _timezone_name(membership),
        "now": timezone.now().isoformat(),
        "max_text_length": settings.CHAT_MAX_TEXT_LENGTH,
        "box": box,
        "status": status,
        "page": {"rows": page.rows, "next": page.next},
        "counts": inbox.counts(membership),
        "count_limit": inbox.COUNT_LIMIT,
        "open": opened,
    }
    return render(
        request,
        "chat/inbox/inbox.html",
        {"state": state, "active_section": "inbox", "statuses": Status.choices},
    )


def _one_of(value: str | None, allowed: list[str], otherwise: str) -> str:
    return value if value in allowed else otherwise


def _me(membership: Membership) -> dict[str, Any]:
    return {
        "id": str(membership.user_id),
        "name": membership.user.name,
        "organization": str(membership.organization_id),
        "may_answer": membership.may_answer,
    }


def _timezone_name(membership: Membership) -> str:
    return membership.user.timezone or membership.organization.timezone
