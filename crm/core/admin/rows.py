"""Rows of a list, of a choice and on another row's page, each in bounded queries."""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext_noop
from unfold.admin import TabularInline
from unfold.forms import PaginationInlineFormSet

from crm.core.errors import AppError
from crm.core.fields import whole_number


class ListTooSlow(AppError):
    code = "list_too_slow"
    status = 503
    message = gettext_noop(
        "This list takes too long to search. Search by an id or an address in full, or narrow it "
        "by a filter."
    )


class CautiousPaginator(Paginator):
    """Counts rows only up to a limit: counting millions takes seconds."""

    MOST = 10_000

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        if not hasattr(rows, "order_by"):
            return len(rows)
        return int(rows.order_by()[: self.MOST].count())


def is_key(field: Any, value: str) -> bool:
    """Return whether a submitted text has the form of this field's values."""
    try:
        field.clean(value, None)
    except ValidationError:
        return False
    return "\x00" not in value


class Chooser(AutocompleteSelect):
    """Django's widget, which fails for a submitted value that is no valid key."""

    def optgroups(self, name: str, value: Sequence[str], attr: Any = None) -> list[Any]:
        usable = [each for each in value if is_key(self.field.target_field, each)]
        groups: list[Any] = super().optgroups(name, usable, attr)
        return groups


class _PagedFormSet(PaginationInlineFormSet):
    def get_page_num(self) -> int:
        """Return the asked page; the first for what is no number. unfold's own fails for some."""
        request: Any = self.request
        key = self.get_pagination_key()
        return whole_number(request.GET.get(key) or request.POST.get(key) or "") or 1


class RowsInline(TabularInline):
    """Rows of another model on a row's page, read-only: they have pages of their own."""

    formset = _PagedFormSet
    extra = 0
    max_num = 0
    can_delete = False
    show_change_link = True
    hide_title = True

    def has_add_permission(self, request: HttpRequest, obj: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
