"""The page that explains why a member sees a record, for any record with assignees."""

from collections.abc import Collection
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from crm.core.permissions import READ, WRITE, Module, require
from crm.organizations.access import membership_of
from crm.organizations.access_explanation import explain, names_of
from crm.organizations.errors import MemberNotFound
from crm.organizations.models import Membership
from crm.organizations.models.membership import MembershipQuerySet

PEOPLE_SHOWN = 500


def reasons_page(
    request: HttpRequest,
    *,
    area: Module,
    owner_ids: Collection[UUID | None],
    title: str,
    back: str,
) -> HttpResponse:
    """Render who can access a record and why; ``?person=`` is a membership's id, default one's own.

    Call it only with a record that is visible to the requester.
    """
    membership = require_reasons(request)
    people = Membership.objects.in_organization(membership.organization_id)
    chosen = _chosen(people.with_rights(), request.GET.get("person"), membership)
    context = {
        "active_section": "settings",
        "title": title,
        "back": back,
        "area": area,
        "owners": names_of(owner_ids),
        "person": chosen,
        "people": people.select_related("user").order_by("user__name", "pk")[:PEOPLE_SHOWN],
        "reading": explain(chosen, area, READ, owner_ids),
        "writing": explain(chosen, area, WRITE, owner_ids),
    }
    return render(request, "organizations/reasons.html", context)


def require_reasons(request: HttpRequest) -> Membership:
    """Return the membership if it may see other members' permissions. Raise Forbidden."""
    membership = membership_of(request)
    require(membership, Module.SETTINGS)
    return membership


def _chosen(people: MembershipQuerySet, key: str | None, own: Membership) -> Membership:
    if not key:
        return own
    try:
        return people.get(pk=UUID(key))
    except (ValueError, Membership.DoesNotExist):
        raise MemberNotFound from None
