"""Pages about customers."""

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from crm.core.permissions import Module
from crm.core.permissions.requests import member_required
from crm.customers.errors import CustomerNotFound
from crm.customers.models import Customer
from crm.organizations.views.access_explanation import reasons_page, require_reasons


@require_safe
@never_cache
@member_required
def customer_reasons(request: HttpRequest, customer_id: UUID) -> HttpResponse:
    """Render who sees a customer and why; the owners are the assignees of the conversations."""
    found = Customer.objects.visible_to(require_reasons(request)).filter(pk=customer_id).first()
    if found is None:
        raise CustomerNotFound
    return reasons_page(
        request,
        area=Module.CUSTOMERS,
        owner_ids=found.owner_ids,
        title=found.display_name,
        back=resolve_url(settings.LOGIN_REDIRECT_URL),
    )
