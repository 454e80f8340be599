"""What operators do to one row besides editing it: each has a page that asks first.

unfold's own actions are links; a link must not change anything, for a page elsewhere can follow it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import Promise

from crm.core.forms import Form

Text = str | Promise


class DeedForm(Form):
    """What a deed asks for; by itself only whether it is meant. ``row`` is what it is done to."""

    def __init__(self, *args: Any, row: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.row = row
        self.request = request


@dataclass(frozen=True, slots=True)
class Deed:
    """One such thing.

    ``run(request, row, form)`` does it through a service and gives the sentence that tells so, or
    an answer of its own; an AppError is told and nothing is done. ``permission`` is an action of
    Django's (``change``), or a permission in full (``accounts.add_impersonation``).
    """

    name: str
    title: Text
    asks: Text
    run: Callable[[HttpRequest, Any, Any], Text | HttpResponseBase]
    icon: str = "bolt"
    is_grave: bool = False
    form_class: type[DeedForm] = DeedForm
    permission: str = "change"
    fits: Callable[[Any], bool] = lambda row: True
    consequences: tuple[Text, ...] = ()
