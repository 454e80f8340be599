"""Turns of one person's forms: concurrent submissions are carried out one after another.

For views that are not ours, which check first and write then: of two at once both would find a row
missing and insert it, and the second would fail.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from crm.accounts.log_in import log_out
from crm.accounts.models import User
from crm.accounts.services.sessions import has_live_session

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def in_turn(view: View[P]) -> View[P]:
    """Carry out a logged-in person's POST under the lock of their account, in one transaction.

    What was read before the turn came is read again: the password, and whether the session goes on.
    Whom the turn before logged out does nothing any more.
    """

    @wraps(view)
    def answered(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        user: Any = request.user if request.method == "POST" else None
        if not isinstance(user, User):
            return view(request, *args, **kwargs)
        with transaction.atomic():
            user.refresh_from_db(from_queryset=User.objects.select_for_update(no_key=True))
            if user.is_active and has_live_session(request, user):
                return view(request, *args, **kwargs)
        log_out(request)
        return redirect(settings.LOGIN_URL)

    return answered
