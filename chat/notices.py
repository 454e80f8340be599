"""Conversations as what notifications are about."""

from collections.abc import Collection, Mapping
from uuid import UUID

from django.urls import reverse

from chat.models import Conversation
from crm.core.notifications.kinds import Subject, register_subject
from crm.core.permissions import Module, Principal


def conversations(reader: Principal, ids: Collection[UUID]) -> Mapping[UUID, Subject]:
    """Return by id the conversations that the reader may see, called by their customers."""
    if not reader.may(Module.INBOX):
        return {}
    found = Conversation.objects.visible_to(reader).select_related("customer").filter(pk__in=ids)
    return {
        each.pk: Subject(
            each.customer.display_name, reverse("chat:inbox_conversation", args=[each.pk])
        )
        for each in found
    }


register_subject("conversation", conversations)
