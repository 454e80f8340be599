"""The membership of a request, and whether a page fits the organization that it runs as."""

from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest
from rest_framework.request import Request

from crm.core import tenancy
from crm.core.form_guard.errors import OrganizationSwitched, OrganizationUnnamed
from crm.core.form_guard.stamps import Stamp
from crm.core.permissions.errors import NoOrganization, SecondFactorMissing
from crm.core.permissions.requests import principal_of
from crm.organizations.models import Membership, User


def membership_of(request: HttpRequest | Request) -> Membership:
    """Return the membership that the request runs as.

    Raise NoOrganization or SecondFactorMissing. Every view that acts for a member calls this.
    """
    return cast(Membership, principal_of(request))


def admitted_membership(request: HttpRequest) -> Membership | None:
    """Return the membership of a request, None without one or without the required second factor.

    For what every page shows of the organization, also the pages where the factor is set up.
    """
    try:
        return membership_of(request)
    except (NoOrganization, SecondFactorMissing):
        return None


def check_organization(membership: Any, stamp: Stamp, *, is_change: bool) -> None:
    """Raise OrganizationSwitched if the page was rendered for another organization.

    For a change by a member of several organizations, raise OrganizationUnnamed if it is missing.
    """
    if membership is None or not isinstance(membership.user, User):
        return
    if stamp.organization_id is None:
        if is_change and not membership.impersonation and _has_several(membership.user):
            raise OrganizationUnnamed
        return
    if stamp.organization_id == membership.organization_id:
        return
    other = membership_in(membership.user, stamp.organization_id)
    raise OrganizationSwitched.between(
        current=membership.organization.name,
        other=other.organization.name if other else "",
        ids=(str(membership.organization_id), str(stamp.organization_id)),
    )


def membership_in(user: User, organization_id: UUID) -> Membership | None:
    """Return a user's active membership in an organization, else None."""
    with tenancy.person(user.pk):
        return Membership.objects.of(user).active().filter(organization_id=organization_id).first()


def _has_several(user: User) -> bool:
    with tenancy.person(user.pk):
        return len(Membership.objects.of(user).active().values_list("pk")[:2]) > 1
