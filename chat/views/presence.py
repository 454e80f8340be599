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
def report_presence(request: HttpRequest) -> HttpResponse:
    """Count the member as online for a while; without Redis nobody is counted.

    An operator who impersonates them is not them.
    """
    membership = membership_of(request)
    require(membership, Module.INBOX, WRITE)
    if membership.impersonation is not None:
        return JsonResponse({"is_online": False})
    with suppress(RedisError):
        presence.record_page_view(
            membership.organization_id, membership.user_id, membership.user.name
        )
    return JsonResponse({"is_online": True})
