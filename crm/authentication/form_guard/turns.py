"""Turns of one person's forms: concurrent submissions are carried out one after another.

For views that are not ours, which check first and write then: of two at once both would find a row
missing and insert it, and the second would fail.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from crm.organizations.models import User

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def in_turn(view: View[P]) -> View[P]:
    """Carry out a logged-in person's POST under the lock of their account, in one transaction."""

    @wraps(view)
    def answered(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        user: Any = request.user if request.method == "POST" else None
        if not isinstance(user, User):
            return view(request, *args, **kwargs)
        with transaction.atomic():
            User.objects.select_for_update(no_key=True).filter(pk=user.pk).first()
            return view(request, *args, **kwargs)

    return answered
