"""Explanation of why a member may see a conversation."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chat import inbox
from crm.core.permissions import Module
from crm.core.permissions.requests import member_required
from crm.organizations.views.access_explanation import reasons_page, require_reasons


@require_safe
@never_cache
@member_required
def conversation_reasons(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    conversation = inbox.find(require_reasons(request), conversation_id)
    return reasons_page(
        request,
        area=Module.INBOX,
        owner_ids=conversation.owner_ids,
        title=conversation.customer.display_name,
        back=reverse("chat:inbox_conversation", args=[conversation.pk]),
    )
