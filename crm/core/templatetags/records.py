"""Records of the kit in templates: what a row is called, where it is, and its values."""

import re
from decimal import Decimal
from typing import Any

from django import template
from django.db.models import Model

from crm.core.jobs.models import Job
from crm.core.money import shown_number
from crm.core.records import Field, Record, get_record
from crm.core.records.bulk_jobs import may_undo

register = template.Library()
_NOT_DIALLED = re.compile(r"[^0-9+*#]")


@register.filter
def url_of(record: Record, row: Model) -> str:
    return record.url_of(row)


@register.simple_tag
def record_url(record: Record, name: str, *args: Any) -> str:
    return record.reverse(name, *args)


@register.filter
def title_of(record: Record, row: Model) -> str:
    return record.title_of(row)


@register.filter
def language_of(record: Record, row: Model) -> str:
    """Return the language in which a row is written, empty for that of the page."""
    return str(getattr(row, record.language)) if record.language else ""


@register.filter
def value_of(field: Field, row: Model) -> Any:
    return field.value_of(row)


@register.filter
def grouped(number: Decimal) -> str:
    """Return a number with grouped digits in the active language."""
    return shown_number(number)


@register.filter
def bulk_undo_url(job: Job) -> str:
    """Return where an action that ran as a job is undone, empty where it is too late."""
    record = get_record(job.data["record"])
    return record.reverse("undo_bulk", job.pk) if may_undo(job) else ""


@register.filter
def dialled(number: str) -> str:
    """Return what a ``tel:`` link holds of a phone number, with its extension (RFC 3966)."""
    number, _ext, extension = number.partition(" ext. ")
    dialled = _NOT_DIALLED.sub("", number)
    return f"{dialled};ext={extension}" if extension else dialled
