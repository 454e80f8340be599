"""Rows of records as what notifications are about: what they are called, and where they are."""

from collections.abc import Collection, Mapping
from uuid import UUID

from crm.core.notifications.kinds import Subject, Titles, register_subjects
from crm.core.permissions import Principal
from crm.core.records.record import find_record


def _titles(slug: str) -> Titles | None:
    record = find_record(slug)
    if record is None:
        return None

    def titles(reader: Principal, ids: Collection[UUID]) -> Mapping[UUID, Subject]:
        if not reader.may(record.area):
            return {}
        rows = record.visible_to(reader).filter(pk__in=ids)
        return {row.pk: Subject(record.title_of(row), record.url_of(row)) for row in rows}

    return titles


register_subjects(_titles)
