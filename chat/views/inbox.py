"""The inbox's page; later changes come through the socket and the API."""

import re
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import formats, timezone, translation
from django.utils.translation import gettext, pgettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from chat import inbox
from chat.models import AMENDMENTS, Channel, ContentType, SenderType, Status
from chat.services.alerts import alert_settings
from chat.services.editing import may_delete
from crm.core.permissions import WRITE, Level, Module, accessible_owner_ids, require
from crm.core.permissions.requests import member_required
from crm.core.text.person_names import initial, short_name
from crm.customers.models import Customer
from crm.organizations.access import membership_of
from crm.organizations.models import Membership


@require_safe
@never_cache
@ensure_csrf_cookie
@member_required
def inbox_page(request: HttpRequest, conversation_id: UUID | None = None) -> HttpResponse:
    """Render the list and, with an id, that conversation; complete without scripts."""
    membership = membership_of(request)
    if not conversation_id and not membership.may(Module.INBOX):
        # This is where everybody comes out who logs in.
        return redirect(
            "knowledge:list" if membership.may(Module.KNOWLEDGE) else "organizations:settings"
        )
    require(membership, Module.INBOX)
    box = _one_of(request.GET.get("box"), [str(box) for box in inbox.InboxFilter], "all")
    status = _one_of(request.GET.get("status"), Status.values, "open")
    conversation = inbox.find(membership, conversation_id) if conversation_id else None
    order = _one_of(request.GET.get("order"), [str(order) for order in inbox.Order], "wait")
    page = inbox.page(
        membership, box=inbox.InboxFilter(box), status=Status(status), order=inbox.Order(order)
    )
    # Of what is not open, the newest come first in either order.
    shown_order = inbox.Order(order) if status == Status.OPEN else inbox.Order.NEWEST
    opened: dict[str, Any] | None = None
    if conversation:
        opened = {
            "detail": inbox.detail(membership, conversation),
            "history": inbox.history(membership, conversation),
        }
    counted = inbox.counts(membership)
    counts = counted.boxes
    state = {
        "me": _me(membership),
        "language": translation.get_language(),
        "timezone": _timezone(membership).key,
        "now": timezone.now().isoformat(),
        "max_text_length": settings.CHAT_MAX_TEXT_LENGTH,
        "box": box,
        "status": status,
        "order": order,
        "page": {"rows": page.rows, "next": page.next},
        "counts": counts,
        "unread": counted.unread,
        "waiting": counted.waiting,
        "alerts": _alerts(membership),
        "count_limit": inbox.COUNT_LIMIT,
        "open": opened,
    }
    with timezone.override(_timezone(membership)):
        context = {
            "state": state,
            "active_section": "inbox",
            "inbox_waiting": inbox.count_words(counted.waiting),
            "boxes": [
                {"name": name, "label": label, "count": inbox.count_words(counts[name][status])}
                for name, label in _box_labels(membership)
            ],
            "statuses": [
                {
                    "name": str(name),
                    "label": label,
                    "count": inbox.count_words(counts[box][str(name)]),
                }
                for name, label in _status_labels()
            ],
            "orders": [{"name": str(name), "label": label} for name, label in _order_labels()],
            "rows": [_row(row, shown_order) for row in page.rows],
            "entries": _entries(opened, membership) if opened else [],
        }
        return render(request, "chat/inbox/inbox.html", context)


def _one_of(value: str | None, allowed: list[str], otherwise: str) -> str:
    return value if value in allowed else otherwise


def _me(membership: Membership) -> dict[str, Any]:
    return {
        "id": str(membership.user_id),
        "name": membership.user.name,
        "organization": str(membership.organization_id),
        "change": _change(membership),
        "may_explain": membership.may(Module.SETTINGS),
        "may_open_customers": membership.may(Module.CUSTOMERS),
        "may_answer": membership.may(Module.INBOX, WRITE),
        "may_delete": may_delete(membership),
        "amend_window_seconds": settings.CHAT_AMEND_WINDOW_SECONDS,
    }


def _alerts(membership: Membership) -> dict[str, bool]:
    wanted = alert_settings(membership)
    return {"sound": wanted.sound, "desktop": wanted.desktop}


def _change(membership: Membership) -> dict[str, Any]:
    """Return what the page needs to offer only permitted changes."""
    level = membership.level(Module.INBOX, WRITE)
    people = (
        accessible_owner_ids(membership, Module.INBOX, WRITE)
        if Level.NONE < level < Level.ALL
        else ()
    )
    return {"level": level.key, "people": sorted(str(user_id) for user_id in people)}


def _timezone(membership: Membership) -> ZoneInfo:
    try:
        return ZoneInfo(membership.user.timezone or membership.organization.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _box_labels(membership: Membership) -> list[tuple[str, str]]:
    labels = [
        ("mine", pgettext("conversations", "Mine")),
        ("unassigned", pgettext("conversations", "Unassigned")),
        ("all", pgettext("conversations", "All")),
    ]
    sees_unassigned = membership.may(Module.INBOX, at_least=Level.TEAM)
    return [each for each in labels if sees_unassigned or each[0] != "unassigned"]


def _status_labels() -> list[tuple[Status, str]]:
    """Return the labels of the status tabs, actionable first; plural, unlike a conversation's
    label.
    """
    return [
        (Status.OPEN, pgettext("conversations", "Open")),
        (Status.BOT, pgettext("conversations", "With the bot")),
        (Status.SNOOZED, pgettext("conversations", "Snoozed")),
        (Status.CLOSED, pgettext("conversations", "Closed")),
    ]


def _order_labels() -> list[tuple[inbox.Order, str]]:
    return [
        (inbox.Order.WAIT, pgettext("conversations", "Longest wait")),
        (inbox.Order.NEWEST, pgettext("conversations", "Newest")),
    ]


def _row(row: dict[str, Any], order: inbox.Order) -> dict[str, Any]:
    last = _last_words(row, order)
    told_at = last.get("timestamp", row["last_message_at"])
    moment = timezone.localtime(datetime.fromisoformat(told_at))
    is_today = moment.date() == timezone.localdate()
    return {
        "row": row,
        "moment": told_at,
        "time": formats.date_format(moment, "TIME_FORMAT" if is_today else "MONTH_DAY_FORMAT"),
        "author": _last_author(last, row["bot_name"]),
        "text": _last_text(last),
        "channel": Channel(row["channel"]).label,
    }


def _last_words(row: dict[str, Any], order: inbox.Order) -> dict[str, Any]:
    """Return the last message or, while the customer waits for a person, their last message.

    In the list by newest, an agent's later message is returned, because it determined the order.
    Rows of older versions lack the time of the customer's message and show the last one.
    """
    is_waiting = row["waiting_since"] and row["status"] != Status.BOT
    by_customer: dict[str, Any] = row["last_customer_message"]
    last: dict[str, Any] = row["last_message"]
    if not is_waiting or "timestamp" not in by_customer:
        return last
    if order == inbox.Order.NEWEST and last.get("sender_type") == SenderType.AGENT:
        return last
    return by_customer


def _last_author(last: dict[str, Any], bot_name: str) -> str:
    sender = last.get("sender_type")
    if last.get("type") == ContentType.NOTE:
        return f"{gettext('Note')}: "
    if sender == SenderType.BOT:
        return f"{bot_name or gettext('Bot')}: "
    if sender == SenderType.AGENT:
        return f"{short_name(last.get('sender_name', ''))}: "
    return ""


def _last_text(last: dict[str, Any]) -> str:
    return gettext("Message deleted") if last.get("is_deleted") else last.get("text", "")


def _entries(opened: dict[str, Any], membership: Membership) -> list[dict[str, Any]]:
    bot_name = opened["detail"]["conversation"]["bot_name"]
    entries = (_entry(event, membership, bot_name) for event in opened["history"]["events"])
    return [entry for entry in entries if entry]


def _entry(event: dict[str, Any], membership: Membership, bot_name: str) -> dict[str, Any] | None:
    """Prepare one event for the first rendering; None if it is shown as part of another event."""
    data = event["data"]
    if event["kind"] in AMENDMENTS:
        return None
    if event["kind"] != "message.posted":
        return {"seq": event["seq"], "change": data.get("change", {})}
    sender, content = data["sender"], data["content"]
    moment = timezone.localtime(datetime.fromisoformat(data["timestamp"]))
    is_customer = sender["type"] == SenderType.CUSTOMER
    name = Customer.shown_name(sender["name"], sender["id"]) if is_customer else sender["name"]
    if sender["type"] == SenderType.BOT:
        name = bot_name or name
    is_mine = sender["id"] == str(membership.user_id)
    is_note = content["type"] == ContentType.NOTE
    is_deleted = "deleted_at" in data
    return {
        "seq": event["seq"],
        "side": "in" if is_customer else "out",
        "kind": "note" if is_note else sender["type"],
        "is_mine": is_mine,
        "author": gettext("You") if is_mine else name or gettext("Bot"),
        "tag": gettext("Private note") if is_note else "",
        "initial": initial(name),
        "hue": sender["id"][-1:],
        "text": gettext("Message deleted") if is_deleted else content.get("text", ""),
        "is_deleted": is_deleted,
        "edited": gettext("edited") if "edited_at" in data and not is_deleted else "",
        "sources": [_source(source) for source in content.get("sources", [])],
        "timestamp": data["timestamp"],
        "time": formats.date_format(moment, "TIME_FORMAT"),
    }


def _source(source: dict[str, str]) -> dict[str, str]:
    """Return a source; its URL is empty unless it is a web page or a local path."""
    url = source.get("url", "")
    is_page = url.startswith(("https://", "http://")) or re.match(r"/[^/]", url)
    return {"title": source.get("title") or url, "url": url if is_page else ""}
