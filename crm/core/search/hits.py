"""Global search over pages, records and results that apps register.

An app registers pages with `register_pages` and results with `register_results` in
``AppConfig.ready``; registered records are searched without that.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from crm.core.permissions import WRITE, Principal
from crm.core.records import ListState, Record, records
from crm.core.text.folding import (
    joined_words,
    search_key,
    search_terms,
    search_words,
)

# Hits of one section.
MAX_HITS = 5


@dataclass(frozen=True, slots=True)
class Hit:
    """One result; ``detail`` is shown in small type next to the title."""

    title: str
    url: str
    icon: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Results of one kind; ``more_url`` leads to the list with all of them."""

    label: str
    hits: tuple[Hit, ...]
    more_url: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A page, or a form of a new row; ``is_main`` pages are listed for an empty search."""

    label: str
    url: str
    icon: str
    is_main: bool = False


Pages = Callable[[Principal], Iterable[Page]]
Results = Callable[[Principal, str], Section | None]
_pages: list[Pages] = []
_results: list[Results] = []


def register_pages(pages: Pages) -> Pages:
    _pages.append(pages)
    return pages


def register_results(results: Results) -> Results:
    """Register ``results(principal, text)``; it must run a bounded number of queries.

    It returns only what the principal may see, or None.
    """
    _results.append(results)
    return results


def search_pages(by: Principal, text: str) -> tuple[Hit, ...]:
    """Return the pages whose labels have, for each word of the text, a word that starts with it.

    An empty text returns the main pages.
    """
    found = [page for pages in _pages for page in pages(by)]
    wanted = search_terms(text)
    shown = [
        page for page in found if (_matches_label(page.label, wanted) if wanted else page.is_main)
    ]
    # Enough: there are few pages, and the user wants one.
    most = 2 * MAX_HITS if wanted else len(shown)
    return tuple(Hit(page.label, page.url, page.icon) for page in shown[:most])


def search_results(by: Principal, text: str) -> Iterator[Section]:
    """Yield the sections with results: records in the order of the navigation, then the others."""
    if not search_words(text):
        return
    for record in records():
        if by.may(record.area) and (section := _search_record(by, record, text)):
            yield section
    for results in _results:
        if section := results(by, text):
            yield section


def _search_record(by: Principal, record: Record, text: str) -> Section | None:
    state = ListState(record, search=text)
    rows = state.page(by, limit=MAX_HITS).rows
    if not rows:
        return None
    hits = tuple(
        Hit(record.title_of(row), record.url_of(row), record.icon, record.detail_of(row))
        for row in rows
    )
    # A view that shows all explicitly: the first one and the user's default may filter.
    unfiltered = (view.key for view in record.views if not any(view.where.values()))
    every = replace(state, view=next(unfiltered, ""))
    return Section(record.navigation_label, hits, f"{record.list_url}{every.url()}")


def _matches_label(label: str, wanted: list[tuple[str, ...]]) -> bool:
    words = [*search_words(label), *joined_words(search_key(label))]
    return all(any(word.startswith(each) for word in words) for each in wanted)


@register_pages
def _pages_of_records(by: Principal) -> Iterator[Page]:
    for record in records():
        if by.may(record.area):
            yield Page(record.navigation_label, record.list_url, record.icon, is_main=True)
            if by.may(record.area, WRITE):
                yield Page(str(record.new_label), record.new_url, "plus", is_main=True)
