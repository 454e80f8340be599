"""The undo button of pages: a message with a button, on the next page."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest

UNDO_TAG = "undo:"


def offer_undo(request: HttpRequest, text: str, action_id: UUID | None) -> None:
    """Show what was deleted; with an action, beside an undo button."""
    tag = f"{UNDO_TAG}{action_id}" if action_id else ""
    messages.success(request, text, extra_tags=tag)
