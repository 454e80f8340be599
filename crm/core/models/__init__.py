"""Models of the core: stored responses, undoable actions, saved views; and bases of others."""

from crm.core.models.actions import IdempotentRequest, UndoableAction
from crm.core.models.saved_view import DefaultView, SavedView
from crm.core.models.tenant import OwnedModel, TenantModel, TenantQuerySet

__all__ = [
    "DefaultView",
    "IdempotentRequest",
    "OwnedModel",
    "SavedView",
    "TenantModel",
    "TenantQuerySet",
    "UndoableAction",
]
