"""The search page; the command palette requests its results by htmx."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from crm.core.forms import SearchField
from crm.core.permissions.requests import member_required, principal_of
from crm.core.search.hits import Section, search_pages, search_results


@require_safe
@never_cache
@member_required
def search(request: HttpRequest) -> HttpResponse:
    """Render the search page; for htmx (the palette), only the results."""
    by = principal_of(request)
    text = SearchField().normalized(request.GET.get("q", ""))
    sections = list(search_results(by, text))
    if pages := search_pages(by, text):
        sections.append(Section(_("Go to"), pages))
    is_palette = bool(request.htmx)  # type: ignore[attr-defined]  # by its middleware
    template = "search/_results.html" if is_palette else "search/search.html"
    return render(request, template, {"text": text, "sections": sections})
