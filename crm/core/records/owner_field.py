"""The field of a row's owner: a member of the organization who may read the record's area."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import Model, Q, QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext, pgettext

from crm.core.models import OwnedModel
from crm.core.permissions import READ, WRITE, Level, Module, Principal
from crm.core.records.choice_fields import RelationField
from crm.core.records.members import member_directory
from crm.core.records.operators import IN, NOT_IN, Operator
from crm.core.text.addresses import normalize_email
from crm.core.text.folding import identity_key

# Values of a filter that are no ids: whoever reads the list, and rows without an owner.
ME, NOBODY = "me", "nobody"


@dataclass(frozen=True, kw_only=True)
class OwnerField(RelationField):
    """The owner of a row of an `OwnedModel`.

    Members who may read the record's area can be chosen. Owners who have left keep the name that
    the organization knew them by. A file that is imported names an owner by email address or name.
    A filter takes "me", which is the reader, and "nobody".
    """

    template = "records/cells/text.html"
    aliases = ("assigned to", "assignee", "responsible", "менеджер", "phụ trách")

    name: str = "owner_id"
    title: str = "shown_name"
    order: tuple[str, ...] = ("shown_name", "pk")

    @property
    def _area(self) -> Module:
        assert self.model is not None and issubclass(self.model, OwnedModel)  # noqa: S101, PT018  declared
        return self.model.area

    def visible_to(self, reader: Principal) -> QuerySet[Any]:
        return member_directory().known(reader.organization_id)

    def chosen_from(self, by: Principal) -> QuerySet[Any]:
        return member_directory().readers(by.organization_id, self._area)

    def parse(self, operator: Operator, values: Sequence[str]) -> list[Any]:
        return super().parse(operator, [value for value in values if value not in {ME, NOBODY}])

    def q(self, operator: Operator, values: Sequence[str], reader: Principal) -> Q:
        if operator not in {IN, NOT_IN}:
            return super().q(operator, values, reader)
        owner_ids = self.parse(operator, values)
        if ME in values and reader.user_id is not None:
            owner_ids.append(reader.user_id)
        found = Q(**{f"{self.name}__in": owner_ids})
        if NOBODY in values:
            found |= Q(**{f"{self.name}__isnull": True})
        return found if operator is IN else ~found

    def shown_values(
        self, operator: Operator, values: Sequence[str], reader: Principal
    ) -> list[str]:
        words = {ME: pgettext("owner", "me"), NOBODY: pgettext("owner", "nobody")}
        others = [value for value in values if value not in words]
        names = iter(super().shown_values(operator, others, reader) if others else ())
        return [words[value] if value in words else next(names) for value in values]

    def filter_choices(self, reader: Principal) -> list[tuple[str, str]]:
        own = [(ME, capfirst(pgettext("owner", "me")))] if reader.user_id else []
        nobody = (NOBODY, capfirst(pgettext("owner", "nobody")))
        return [*own, nobody, *self.choices_for(reader)]

    def form_field(self, reader: Principal, row: Model | None = None) -> forms.Field:
        field = super().form_field(reader, row)
        if row is None and reader.user_id is not None:
            field.initial = str(reader.user_id)
        if warning := self._warning(reader):
            field.help_text = warning
        return field

    def look_up(
        self, reader: Principal, names: Collection[str]
    ) -> Callable[[str, Mapping[str, Any]], Sequence[UUID]]:
        """Return a function that finds members by their address or, else, by their name."""
        by_email: dict[str, UUID] = {}
        by_name: dict[str, list[UUID]] = {}
        for user in self.chosen_from(reader) if names else ():
            by_email[user.shown_email] = user.pk
            by_name.setdefault(identity_key(user.shown_name), []).append(user.pk)

        def find(name: str, _values: Mapping[str, Any]) -> Sequence[UUID]:
            if found := by_email.get(normalize_email(name)):
                return [found]
            return by_name.get(identity_key(name), ())

        return find

    def _warning(self, by: Principal) -> str:
        """Return what whoever gives a row away can no longer do with it; "" if nothing changes."""
        area = self._area
        if by.level(area, READ) == Level.OWN:
            return gettext("If you choose somebody else, you will no longer see this.")
        if by.level(area, READ) == Level.TEAM:
            return gettext(
                "If you choose somebody outside of your teams, you will no longer see this."
            )
        if by.level(area, WRITE) == Level.OWN:
            return gettext("If you choose somebody else, you can no longer change this.")
        if by.level(area, WRITE) == Level.TEAM:
            return gettext(
                "If you choose somebody outside of your teams, you can no longer change this."
            )
        return ""
