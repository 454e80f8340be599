"""Models that every app may use: stored responses, undoable actions, saved views of lists."""

from crm.core.models.actions import IdempotentRequest, UndoableAction
from crm.core.models.saved_view import DefaultView, SavedView

__all__ = ["DefaultView", "IdempotentRequest", "SavedView", "UndoableAction"]
