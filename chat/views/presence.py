"""The report of an open page that its member is there."""

from contextlib import suppress

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from redis.exceptions import RedisError

from chat import presence
from crm.core.permissions import WRITE, Module, require
from crm.core.permissions.requests import member_required
from crm.organizations.access import membership_of


@require_POST
@never_cache
@member_required
def note_presence(request: HttpRequest) -> HttpResponse:
    """Count the member as online for a while; without Redis nobody is counted."""
    membership = membership_of(request)
    require(membership, Module.INBOX, WRITE)
    with suppress(RedisError):
        presence.note_page(membership.organization_id, membership.user_id, membership.user.name)
    return JsonResponse({"is_online": True})
