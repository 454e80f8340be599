"""What an operator's request may do during an impersonation."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from crm.authentication.errors import ImpersonationOver
from crm.authentication.models import Impersonation, ImpersonationEndReason
from crm.authentication.services.impersonation import (
    SESSION_KEY,
    end_impersonation,
    impersonated_membership,
)
from crm.authentication.services.sessions import RECORD_KEY
from crm.core import tenancy
from crm.core.admin.site import is_idle, note_use
from crm.core.errors import AppError
from crm.core.http.exceptions import refusal_response
from crm.core.permissions.errors import ImpersonatingForbidden, ImpersonatingReadOnly
from crm.organizations.models import Membership, User

_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
# The ways out, which are open at any time.
_WAYS_OUT = frozenset(
    {"authentication:stop_impersonation", "authentication:log_out", "account_logout"}
)
# A person's own affairs (password, address, factors): closed to the eye as well.
_PRIVATE = (
    "allauth.",
    "crm.authentication.views.accept_invitation",
    "crm.authentication.views.allauth",
)


def impersonated_user(request: HttpRequest, operator: User) -> User:
    """Return the user whom the session's operator impersonates, else the operator."""
    if SESSION_KEY not in request.session:
        return operator
    if is_idle(request):
        _end_idle(request, operator)
        return operator
    membership, is_over = impersonated_membership(
        session=request.session, operator=operator, login=request.session.get(RECORD_KEY, "")
    )
    known = request.__dict__
    known["_impersonation_over"] = is_over
    if membership is None:
        return operator
    note_use(request)
    known["_operator"], known["_impersonated"] = operator, membership
    # Under this name the audit looks for it.
    known["impersonation"] = membership.impersonation
    return membership.user


def impersonated_by(request: HttpRequest) -> Membership | None:
    """Return the impersonated membership of a request; access ``request.user`` first."""
    return cast("Membership | None", request.__dict__.get("_impersonated"))


def operator_of(request: HttpRequest) -> User | None:
    """Return the operator behind an impersonated request."""
    return cast("User | None", request.__dict__.get("_operator"))


class ImpersonationMiddleware:
    """Reject what an operator may not do during an impersonation."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self,
        request: HttpRequest,
        view: Callable[..., Any],
        _args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> HttpResponse | None:
        # Whoever has no session is nobody's operator; nothing is read for them.
        if settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return None
        path = _path_of(view)
        is_safe, is_private = request.method in _SAFE, path.startswith(_PRIVATE)
        if is_safe and not is_private:
            # Before the session is looked at, which would make every answer vary by it.
            return None
        if SESSION_KEY not in request.session and "_impersonation_over" not in request.__dict__:
            return None
        if _is_way_out(request):
            return None
        # To ask for the user finds out whether it still holds.
        if request.user.is_authenticated and impersonated_by(request) is not None:
            is_work = _is_work(path) and not _is_of_settings(view, kwargs)
            refusal = _refusal(request, is_work=is_work, is_private=is_private)
        else:
            is_over = request.__dict__.get("_impersonation_over", False)
            # What was meant in somebody else's name is not done in the operator's own.
            refusal = ImpersonationOver() if is_over and not is_safe else None
        return refusal_response(request, refusal) if refusal else None


def _refusal(request: HttpRequest, *, is_work: bool, is_private: bool) -> AppError | None:
    impersonation: Impersonation = request.__dict__["impersonation"]
    if is_private:
        return ImpersonatingForbidden()
    if not impersonation.may_change:
        return ImpersonatingReadOnly()
    if not is_work:
        return ImpersonatingForbidden()
    return None


def _is_work(path: str) -> bool:
    """Return whether a view is part of daily work; keys, users and rules are not."""
    if path.startswith(tuple(settings.IMPERSONATION_CLOSED)):
        return False
    return path.startswith(tuple(settings.IMPERSONATION_WORK))


def _is_of_settings(view: Callable[..., Any], kwargs: Mapping[str, Any]) -> bool:
    """Return whether a view of the kit is one of a record of the settings, as exchange rates."""
    # Records are declared by apps that ask for the user's session first.
    from crm.core.records import find_record

    record = getattr(_named(view), "record", None) or find_record(str(kwargs.get("slug", "")))
    return bool(getattr(record, "is_setting", False))


def _is_way_out(request: HttpRequest) -> bool:
    match = request.resolver_match
    return match is not None and match.view_name in _WAYS_OUT


def _named(view: Callable[..., Any]) -> Any:
    """Return the class of a view, or its function."""
    return getattr(view, "view_class", None) or getattr(view, "cls", None) or view


def _path_of(view: Callable[..., Any]) -> str:
    """Return the dotted path of a view, with its module."""
    named = _named(view)
    return f"{named.__module__}.{getattr(named, '__qualname__', '')}"


def _end_idle(request: HttpRequest, operator: User) -> None:
    kept = request.session.pop(SESSION_KEY)
    request.__dict__["_impersonation_over"] = True
    with tenancy.person(operator.pk):
        found = Impersonation.objects.unended().filter(pk=kept, operator=operator).first()
    if found is not None:
        end_impersonation(impersonation=found, because=ImpersonationEndReason.LAPSED)
