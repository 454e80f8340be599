"""Access to the operator's admin, and its browser restrictions."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn

from allauth.mfa.utils import is_mfa_enabled
from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import PermissionDenied
from django.dispatch import receiver
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from unfold.sites import UnfoldAdminSite

from crm.core.http.attendance import is_unattended
from crm.core.http.redirects import local_target

# When the session was last used here, in seconds since 1970.
SEEN_KEY = "operator_seen"
SEEN_NOTED_EVERY = 30
# unfold's pages are made by Alpine, which compiles the attributes of its templates.
CONTENT_SECURITY_POLICY = {"script-src": ["'unsafe-eval'"]}
View = Callable[..., Any]
Guard = Callable[[View], View]
_guards: list[Guard] = []


def add_guard(guard: Guard) -> None:
    """Put a decorator around every view of the admin, under its permission check.

    For apps above this one, when they are ready.
    """
    _guards.append(guard)


class ConsoleSite(UnfoldAdminSite):
    """The admin site: requires a staff account, a second factor, and an active session."""

    def admin_view(self, view: View, cacheable: bool = False) -> View:  # noqa: FBT001, FBT002  Django's signature
        guarded = _without_nul(view)
        for guard in _guards:
            guarded = guard(guarded)
        shown = super().admin_view(guarded, cacheable)
        return csp_update(CONTENT_SECURITY_POLICY)(shown)

    def get_urls(self) -> list[Any]:
        """Return Django's addresses without the one that leads to any row's public page: it checks
        no permission, so its answers tell which rows exist.
        """
        return [each for each in super().get_urls() if getattr(each, "name", "") != "view_on_site"]

    def has_permission(self, request: HttpRequest) -> bool:
        return is_operator(request)

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Redirect to the normal log-in page, which throttles attempts; the admin has none of its
        own.

        A logged-in user who may not enter gets 403, the second-factor page or a new log-in.
        """
        target = _target(request)
        user: Any = request.user
        if user.is_authenticated:
            if not (user.is_active and user.is_staff):
                raise PermissionDenied
            if _lacks_second_factor(request):
                messages.error(request, _("Operators need a second factor. Set one up first."))
                return redirect("mfa_index")
            if not is_idle(request):
                return redirect(target)
            logout(request)
            messages.info(request, _("You were away for a while. Log in again."))
        return redirect(f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': target})}")

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Redirect to the normal password page, which also ends sessions opened with the old
        password.
        """
        return redirect("account_change_password")

    def search(self, request: HttpRequest, extra_context: Any = None) -> NoReturn:
        """Raise Http404: unfold's search is not used."""
        raise Http404

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        # unfold would write its colours into each page as a style; ours stand in console.css.
        own: dict[str, Any] = {
            "colors": {},
            "border_radius": None,
            "redirect_to": request.get_full_path(),
        }
        return {**super().each_context(request), **own}


def _without_nul(view: View) -> View:
    """Remove NUL from the query of each request: Django's filters pass it to PostgreSQL."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if any("\x00" in value for _name, values in request.GET.lists() for value in values):
            query: Any = request.GET.copy()
            for name, values in request.GET.lists():
                query.setlist(name, [value.replace("\x00", "") for value in values])
            query._mutable = False
            request.GET = query
        return view(request, *args, **kwargs)

    return answer


def is_operator(request: HttpRequest) -> bool:
    """Return whether this request may use the operator admin; if so, record the activity."""
    known: bool | None = request.__dict__.get("_is_operator")
    if known is None:
        known = _may_enter(request)
        request.__dict__["_is_operator"] = known
    return known


@receiver(user_logged_in, dispatch_uid="console.note_log_in")
def record_admin_log_in(request: HttpRequest, user: Any, **kwargs: Any) -> None:
    """Start the idle timer of an operator's session at log-in."""
    if user.is_staff:
        request.session[SEEN_KEY] = int(time.time())


def is_idle(request: HttpRequest) -> bool:
    return is_session_idle(request.session)


def is_idle_operator(request: HttpRequest) -> bool:
    """Return whether an operator must log in again for no other reason than inactivity."""
    user: Any = request.user
    return bool(user.is_active and user.is_staff) and is_idle(request)


def is_session_idle(session: SessionBase) -> bool:
    """Return whether an operator's session has been idle too long.

    A session without a timestamp, from before the user became an operator, counts as idle.
    """
    seen = session.get(SEEN_KEY)
    longest = settings.OPERATOR_IDLE_MINUTES * 60
    return not isinstance(seen, int) or time.time() - seen > longest


def note_use(request: HttpRequest) -> None:
    """Restart the idle timer, at most once per SEEN_NOTED_EVERY seconds; not for a request that a
    page sent with nobody at it.
    """
    if is_unattended(request):
        return
    now = int(time.time())
    if now - request.session[SEEN_KEY] >= SEEN_NOTED_EVERY:
        request.session[SEEN_KEY] = now


def _may_enter(request: HttpRequest) -> bool:
    user: Any = request.user
    if not (user.is_active and user.is_staff) or is_idle(request):
        return False
    if _lacks_second_factor(request):
        return False
    note_use(request)
    return True


def _lacks_second_factor(request: HttpRequest) -> bool:
    return settings.OPERATOR_REQUIRES_MFA and not is_mfa_enabled(request.user)


def _target(request: HttpRequest) -> str:
    return local_target(request, request.GET.get("next"), resolve_url("admin:index"))
