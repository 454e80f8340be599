"""Explanation of why a member may see a FAQ."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from crm.core.permissions import Module
from crm.core.permissions.requests import member_required
from crm.organizations.views.access_explanation import reasons_page, require_reasons
from knowledge.models import Faq


@require_safe
@never_cache
@member_required
def faq_reasons(request: HttpRequest, faq_id: UUID) -> HttpResponse:
    faq = get_object_or_404(Faq.objects.visible_to(require_reasons(request)), pk=faq_id)
    return reasons_page(
        request,
        area=Module.KNOWLEDGE,
        owner_ids=(faq.created_by_id,),
        title=faq.question,
        back=reverse("knowledge:faq", args=[faq.pk]),
    )
