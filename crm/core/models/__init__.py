"""Models of the core: stored responses, undoable actions, saved views, notes, counts of text;
bases of others.
"""

from crm.core.models.actions import IdempotentRequest, UndoableAction
from crm.core.models.board import BoardModel
from crm.core.models.named import NamedModel
from crm.core.models.note import Note
from crm.core.models.saved_view import DefaultView, SavedView
from crm.core.models.stored_text import StoredText
from crm.core.models.tenant import OwnedModel, TenantModel, TenantQuerySet

__all__ = [
    "BoardModel",
    "DefaultView",
    "IdempotentRequest",
    "NamedModel",
    "Note",
    "OwnedModel",
    "SavedView",
    "StoredText",
    "TenantModel",
    "TenantQuerySet",
    "UndoableAction",
]
