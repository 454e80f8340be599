"""Querysets of the audit."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from django.db import models

from crm.compliance.model_tracking import areas_of_records, kinds
from crm.core.permissions import READ, WRITE, Level, Module, Principal
from crm.core.records.record import view_permission

if TYPE_CHECKING:
    from crm.compliance.models import AuditEntry


# What is told of these holds words of whoever the area is about: names, addresses, texts.
_AREAS = {"conversation": Module.INBOX, "customer": Module.CUSTOMERS, "faq": Module.KNOWLEDGE}
NOTE = "note"


def areas_of_kinds() -> dict[str, frozenset[Module]]:
    """Return the areas that an entry of a kind may tell of.

    A note's are those of all records that have notes: an entry of a change does not say which one
    it is about.
    """
    of_records = areas_of_records()
    areas = {kind: frozenset({area}) for kind, area in (_AREAS | of_records).items()}
    return areas | {NOTE: frozenset(of_records.values())}


def hidden_kinds(principal: Principal) -> list[str]:
    """Return the object types of which the principal may not read all records."""
    return [
        kind
        for kind, areas in areas_of_kinds().items()
        if any(principal.level(area, READ) < Level.ALL for area in areas)
    ]


def permissions_of_kinds() -> dict[str, frozenset[str]]:
    """Return what operators need to read the values of an entry of a kind: to view the rows."""
    found = kinds()
    needed = {
        kind: frozenset({view_permission(found[kind].model)})
        for kind in (_AREAS | areas_of_records())
        if kind in found
    }
    of_records = [needed[kind] for kind in areas_of_records()]
    return needed | {NOTE: frozenset[str]().union(*of_records)}


def withheld_kinds(operator: Any) -> list[str]:
    """Return the object types whose values an operator may not read."""
    needed = permissions_of_kinds()
    return sorted(kind for kind in needed if not operator.has_perms(needed[kind]))


class AuditEntryQuerySet(models.QuerySet[Any]):
    def of(self, organization_id: UUID) -> Self:
        return self.filter(organization_id=organization_id)

    def visible_to(self, principal: Principal) -> Self:
        """Return the organization's entries to principals who administer it, else none.

        Entries on customers, conversations, FAQs and notes require the permission to read all of
        these.
        """
        if not principal.may(Module.SETTINGS, WRITE):
            return self.none()
        return self.of(principal.organization_id).without(hidden_kinds(principal))

    def without(self, kinds: Collection[str]) -> Self:
        return self.exclude(object_type__in=kinds) if kinds else self

    def by_actor(self, actor_id: str) -> Self:
        return self.filter(actor_id=actor_id)

    def about(self, object_type: str, object_id: str) -> Self:
        """Return the entries about a kind of thing or one thing; "" does not narrow."""
        found = self.filter(object_type=object_type) if object_type else self
        return found.filter(object_id=object_id) if object_id else found

    def since(self, moment: datetime) -> Self:
        return self.filter(at__gte=moment)

    def before(self, moment: datetime) -> Self:
        return self.filter(at__lt=moment)

    def oldest_first(self) -> Self:
        return self.order_by("at")

    def newest_first(self) -> Self:
        return self.order_by("-at", "-id")


class AuditValuesQuerySet(models.QuerySet[Any]):
    def personal(self, entries: Iterable["AuditEntry"]) -> dict[tuple[UUID, datetime], Any]:
        """Return the erasable values of some entries, by organization and time."""
        wanted = list(entries)
        found = self.filter(
            organization_id__in={entry.organization_id for entry in wanted},
            at__in=[entry.at for entry in wanted],
        )
        return {(values.organization_id, values.at): values for values in found}


class LegalHoldQuerySet(models.QuerySet[Any]):
    def visible_to(self, principal: Principal) -> Self:
        if not principal.may(Module.SETTINGS, WRITE):
            return self.none()
        return self.filter(organization_id=principal.organization_id)

    def newest_first(self) -> Self:
        return self.order_by("-id")

    def before(self, hold_id: UUID) -> Self:
        """Return the holds that were placed before this one: ids grow with time."""
        return self.filter(pk__lt=hold_id)

    def active(self) -> Self:
        return self.filter(lifted_at__isnull=True)

    def lifted(self) -> Self:
        return self.filter(lifted_at__isnull=False)

    def on(self, organization_id: UUID, subject: str = "") -> Self:
        """Return the active holds that cover this subject: its own, and its organization's."""
        return self.active().filter(organization_id=organization_id, subject__in=["", subject])
