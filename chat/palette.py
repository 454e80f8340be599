"""The inbox and its conversations in the search over everything."""

from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext as _

from chat import inbox
from crm.core.permissions import Module, Principal
from crm.core.search.hits import MAX_HITS, Hit, Page, Section, register_pages, register_results
from crm.organizations.models import Membership


@register_pages
def inbox_page(by: Principal) -> Iterator[Page]:
    if by.may(Module.INBOX):
        yield Page(_("Inbox"), reverse("chat:inbox"), "inbox", is_main=True)


@register_results
def conversations_found(by: Principal, text: str) -> Section | None:
    """Return the latest conversations of customers whom the text names."""
    if not isinstance(by, Membership) or not by.may(Module.INBOX):
        return None
    rows = inbox.search(by, text, limit=MAX_HITS).rows
    hits = tuple(
        Hit(
            row["customer"]["name"],
            reverse("chat:inbox_conversation", args=[row["id"]]),
            "messages",
            str(row["last_message"].get("text", "")),
        )
        for row in rows
    )
    return Section(_("Conversations"), hits) if hits else None
