"""The first step of a log-in (password, passkey or provider), and whether it still counts.

Between it and the session may lie a second step of minutes, and the hash of a password: what was
checked then is checked again where the session or the tokens begin, on the locked account.
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from allauth.account import app_settings
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from crm.authentication.errors import ProviderAnswerLapsed
from crm.organizations.models import User

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]

_KEY = "log_in_first_step"
_ANSWERED_AT = "answered_at"


class LogInStale(Exception):
    """What is asked for needs a log-in of a moment ago; see `in_fresh_log_in`."""


def in_fresh_log_in(view: View[P]) -> View[P]:
    """Log out and lead to the log-in page where the view raises LogInStale.

    Outside of the view's transaction, which the exception takes back.
    """

    @wraps(view)
    def answered(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except LogInStale:
            logout(request)
            messages.info(request, _("Log in again to go on."))
            return redirect_to_login(request.path, resolve_url(settings.LOGIN_URL))

    return answered


def store_first_step(request: HttpRequest, user: User) -> None:
    """Store in the session as whom, and against which password, a log-in began."""
    request.session[_KEY] = {
        "user": str(user.pk),
        "hash": user.get_session_auth_hash(),
        "at": time.time(),
    }


def locked_user(user: User) -> User:
    """Return the account as it is now, locked until the transaction ends.

    Whoever changes its password, factors or state waits, or is waited for: a log-in is either
    ended by the change or sees it.
    """
    return User.objects.select_for_update(no_key=True).get(pk=user.pk)


def is_unchanged(present: User, checked: User) -> bool:
    """Return whether the password that was checked is that of the locked account, still active."""
    return present.is_active and constant_time_compare(present.password, checked.password)


def was_voided(request: HttpRequest, present: User) -> bool:
    """Return whether the first step of a log-in no longer counts for the locked account.

    Its password was changed, it was deactivated, the provider's account was unlinked, the factor
    that was shown was removed, or one was set up that this log-in did not show.
    """
    kept = request.session.pop(_KEY, None)
    records = get_authentication_records(request, present)
    if (
        _has_lost_identity(present, records)
        or _has_lost_factor(present, records)
        or _lacks_factor(present, records)
    ):
        return True
    if not isinstance(kept, dict) or kept.get("user") != str(present.pk):
        return False
    is_older = present.access_from is not None and present.access_from.timestamp() > kept["at"]
    is_same = constant_time_compare(kept["hash"], present.get_session_auth_hash())
    return is_older or not is_same


def is_log_in_stale(request: HttpRequest) -> bool:
    """Return whether a person cannot be asked again who they are, and logged in a while ago.

    An account with neither password nor second factor has a provider alone, which is asked by a
    log-in.
    """
    user: Any = request.user
    if not user.is_authenticated or get_reauthentication_flows(user):
        return False
    shown = [record["at"] for record in get_authentication_records(request, user)]
    return not shown or time.time() - max(shown) >= app_settings.REAUTHENTICATION_TIMEOUT


def note_answer(sociallogin: SocialLogin) -> None:
    """Store in what is kept of a provider's answer when it was given."""
    sociallogin.state[_ANSWERED_AT] = int(time.time())


def require_recent_answer(sociallogin: SocialLogin) -> None:
    """Raise ProviderAnswerLapsed for an answer older than a log-in may take.

    The address that it proves may be somebody else's by now, and the session keeps it for weeks.
    """
    answered_at = sociallogin.state.get(_ANSWERED_AT, 0)
    if time.time() - answered_at > app_settings.LOGIN_TIMEOUT:
        raise ProviderAnswerLapsed


def _has_lost_identity(user: User, records: list[dict[str, Any]]) -> bool:
    linked = SocialAccount.objects.filter(user=user)
    return any(
        not linked.filter(provider=record.get("provider"), uid=record.get("uid")).exists()
        for record in records
        if record.get("method") == "socialaccount"
    )


def _has_lost_factor(user: User, records: list[dict[str, Any]]) -> bool:
    """Return whether a factor that was shown is gone: a passkey, an app, a set of codes."""
    shown = {record.get("id") for record in records if record.get("method") == "mfa"}
    return Authenticator.objects.filter(user=user, pk__in=shown).count() < len(shown)


def _lacks_factor(user: User, records: list[dict[str, Any]]) -> bool:
    has_shown_one = any(record.get("method") == "mfa" for record in records)
    return not has_shown_one and get_adapter().is_mfa_enabled(user)
