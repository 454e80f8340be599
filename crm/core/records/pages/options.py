"""Rows of a record that a field of another record offers by their words."""

from uuid import UUID

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from crm.core.permissions.requests import member_required
from crm.core.records import ListState, get_record
from crm.core.records.lists import SEARCH
from crm.core.records.pages.lists import reader_of
from crm.core.text.folding import MAX_SEARCH_LENGTH
from crm.core.text.normalization import normalize_line, storable

MAX_OPTIONS = 10


@require_safe
@never_cache
@member_required
def options(request: HttpRequest, slug: str) -> JsonResponse:
    """Return ``results``: at most MAX_OPTIONS rows with the words ``q``, the newest without words;
    or the row ``id`` alone. Each has ``id``, ``title`` and ``detail``.
    """
    record = get_record(slug)
    reader = reader_of(request, record)
    if wanted := request.GET.get("id", ""):
        try:
            rows = list(record.visible_to(reader).filter(pk=UUID(wanted)))
        except ValueError:
            rows = []
    else:
        words = storable(normalize_line(request.GET.get(SEARCH, "")[:MAX_SEARCH_LENGTH]))
        rows = list(ListState(record, search=words).page(reader, limit=MAX_OPTIONS).rows)
    return JsonResponse(
        {
            "results": [
                {
                    "id": str(row.pk),
                    "title": record.title_of(row),
                    "detail": record.detail_of(row),
                }
                for row in rows
            ]
        }
    )
