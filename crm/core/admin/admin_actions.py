"""Admin actions on one row: each has a confirmation page.

unfold's own actions are links; a GET must not change anything, as another site can trigger it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import Promise

from crm.core.forms import Form

Text = str | Promise


class AdminActionForm(Form):
    """Base form of an admin action: a confirmation by itself; subclasses add fields. ``row`` is the
    target.
    """

    def __init__(self, *args: Any, row: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.row = row
        self.request = request


@dataclass(frozen=True, slots=True)
class AdminAction:
    """An action on one row of the admin.

    ``run(request, row, form)`` calls a service and returns the success message, or a response of
    its own. An AppError is shown as a message and nothing is changed. ``permission`` is a Django
    action (``change``) or a full permission name (``authentication.add_impersonation``).
    """

    name: str
    title: Text
    asks: Text
    run: Callable[[HttpRequest, Any, Any], Text | HttpResponseBase]
    icon: str = "bolt"
    is_grave: bool = False
    form_class: type[AdminActionForm] = AdminActionForm
    permission: str = "change"
    fits: Callable[[Any], bool] = lambda row: True
    consequences: tuple[Text, ...] = ()
