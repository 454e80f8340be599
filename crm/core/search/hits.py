"""What the search finds: pages and rows of records, and what apps add to them.

An app adds pages with `register_pages` and results of its own with `register_results`, in its
``ready``. Records are found by their declaration.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from django.db.models import Model

from crm.core.permissions import WRITE, Principal
from crm.core.records import ListState, Record, records
from crm.core.text.normalization import search_words

# Of one kind.
MOST_HITS = 5


@dataclass(frozen=True, slots=True)
class Hit:
    """One result; ``detail`` stands beside the title, in small letters."""

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
    """A page to go to, or a thing to begin; ``is_main`` ones are offered before one types."""

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
    """Register a search; it gets the text as typed, and asks a bounded number of queries."""
    _results.append(results)
    return results


def pages_found(by: Principal, text: str) -> tuple[Hit, ...]:
    """Return the pages with a word that begins with each word of the text; all main ones without
    a text.
    """
    found = [page for pages in _pages for page in pages(by)]
    wanted = search_words(text)
    shown = [page for page in found if (_is_called(page.label, wanted) if wanted else page.is_main)]
    # A search for pages is a search for one of few.
    most = 2 * MOST_HITS if wanted else len(shown)
    return tuple(Hit(page.label, page.url, page.icon) for page in shown[:most])


def results_found(by: Principal, text: str) -> Iterator[Section]:
    """Yield the sections with results, the records in the order of the navigation."""
    if not search_words(text):
        return
    for record in records():
        if by.may(record.area) and (section := _rows_found(by, record, text)):
            yield section
    for results in _results:
        if section := results(by, text):
            yield section


def _rows_found(by: Principal, record: Record, text: str) -> Section | None:
    state = ListState(record, search=text)
    rows = state.page(by, limit=MOST_HITS).rows
    if not rows:
        return None
    hits = tuple(
        Hit(record.title_of(row), record.url_of(row), record.icon, _detail(record, row))
        for row in rows
    )
    # Of all rows: the list may open with another view.
    every = replace(state, view=record.views[0].key) if record.views else state
    return Section(record.navigation_label, hits, f"{record.list_url}{every.url()}")


def _detail(record: Record, row: Model) -> str:
    """Return the first other column with a text, by which people tell rows of one name apart."""
    title = record.title_of(row)
    texts = (getattr(row, name, "") for name in record.columns)
    return next((text for text in texts if isinstance(text, str) and text not in {"", title}), "")


def _is_called(label: str, wanted: list[str]) -> bool:
    words = search_words(label)
    return all(any(word.startswith(each) for word in words) for each in wanted)


@register_pages
def _pages_of_records(by: Principal) -> Iterator[Page]:
    for record in records():
        if by.may(record.area):
            yield Page(record.navigation_label, record.list_url, record.icon, is_main=True)
            if by.may(record.area, WRITE):
                yield Page(str(record.new_label), record.new_url, "plus", is_main=True)
