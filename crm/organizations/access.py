"""The membership of a request, and whether a page fits the organization that it runs as."""

from typing import Any, cast
from uuid import UUID

from django.db.models import Case, F, QuerySet, When
from django.http import HttpRequest
from rest_framework.request import Request

from crm.core import tenancy
from crm.core.form_guard.errors import OrganizationSwitched, OrganizationUnnamed
from crm.core.form_guard.stamps import Stamp
from crm.core.permissions import READ, Module
from crm.core.permissions.errors import NoOrganization, SecondFactorMissing
from crm.core.permissions.requests import principal_of
from crm.organizations.models import Membership, User

# Members whom one word may mean.
MAX_NAMED = 50


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


def members_named(organization_id: UUID, text: str) -> list[Membership]:
    """Return the active members with a word that begins with each word of a text, at most 50."""
    found = Membership.objects.active().in_organization(organization_id).named_like(text)
    return list(found.with_rights().order_by("pk")[:MAX_NAMED])


class Members:
    """The members of organizations as owners of rows (`crm.core.records.members`)."""

    def known(self, organization_id: UUID) -> QuerySet[User]:
        """Return who is or was a member, with ``shown_name`` and ``shown_email``."""
        users = User.objects.filter(memberships__organization_id=organization_id)
        return users.only("name", "email").annotate(
            shown_name=_known_as("name"), shown_email=_known_as("email")
        )

    def readers(self, organization_id: UUID, area: Module) -> QuerySet[User]:
        """Return the active members with any permission to read an area."""
        readers = Membership.objects.active().in_organization(organization_id).who_may(area, READ)
        return self.known(organization_id).filter(pk__in=readers.values("user_id"))


def _known_as(column: str) -> Case:
    """Return what the organization knows a user by: what whoever left was called then."""
    return Case(
        When(memberships__is_active=True, then=F(column)), default=F(f"memberships__left_{column}")
    )
