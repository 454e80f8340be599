"""Setup progress of an organization, read from its data in one query."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from chat.models import SetupGuide, Widget
from crm.core.database.compiled import CompiledSelect
from crm.core.permissions import WRITE, Module, Principal
from crm.organizations.models import Invitation, Membership, Organization
from knowledge.models import Faq

ENOUGH_FAQS = 3
# The navigation offers the checklist to young organizations; its page is there for all.
OFFERED_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class SetupState:
    """The completed steps; ``faqs`` is counted up to ``ENOUGH_FAQS``."""

    has_site: bool
    is_styled: bool
    is_seen: bool
    faqs: int
    has_colleague: bool
    is_dismissed: bool

    @property
    def done(self) -> int:
        steps = (self.has_site, self.is_styled, self.is_seen, self.has_faqs, self.has_colleague)
        return sum(steps)

    @property
    def has_faqs(self) -> bool:
        return self.faqs >= ENOUGH_FAQS

    @property
    def is_complete(self) -> bool:
        return self.done == STEPS

    @property
    def is_open(self) -> bool:
        return not self.is_complete and not self.is_dismissed


STEPS = 5


def may_set_up(principal: Principal | None) -> bool:
    return principal is not None and principal.may(Module.SETTINGS, WRITE)


def is_offered(membership: Membership) -> bool:
    """Return whether the navigation shows the checklist while it is open."""
    age = timezone.now() - membership.organization.created_at
    return may_set_up(membership) and age < OFFERED_FOR


def _progress(*, organization_id: UUID) -> QuerySet[Organization]:
    mine = {"organization_id": OuterRef("pk")}
    widgets = Widget.objects.filter(**mine, is_active=True)
    open_invitation = Q(accepted_at__isnull=True, revoked_at__isnull=True)
    faqs = (
        Faq.objects.published()
        .filter(**mine)
        .order_by()
        .values("organization_id")
        .annotate(total=Count("pk"))
        .values("total")
    )
    return Organization.objects.annotate(
        has_site=Exists(widgets.exclude(allowed_domains=[])),
        is_styled=Exists(widgets.filter(styled_at__isnull=False)),
        is_seen=Exists(widgets.filter(last_seen_at__isnull=False)),
        faq_count=Coalesce(Subquery(faqs), 0),
        member_count=Coalesce(
            Subquery(
                Membership.objects.active()
                .filter(**mine)
                .order_by()
                .values("organization_id")
                .annotate(total=Count("pk"))
                .values("total")
            ),
            0,
        ),
        is_invited=Exists(Invitation.objects.filter(open_invitation, **mine)),
        is_dismissed=Exists(SetupGuide.objects.filter(**mine, dismissed_at__isnull=False)),
    ).filter(pk=organization_id)


# Asked for by each page of an owner until all is done.
_PROGRESS = CompiledSelect(_progress, organization_id=UUID)


def setup_state(principal: Principal) -> SetupState:
    """Return the organization's progress."""
    found: Any = _PROGRESS.first(organization_id=principal.organization_id)
    return SetupState(
        has_site=found.has_site,
        is_styled=found.is_styled,
        is_seen=found.is_seen,
        faqs=min(found.faq_count, ENOUGH_FAQS),
        has_colleague=found.member_count > 1 or found.is_invited,
        is_dismissed=found.is_dismissed,
    )
