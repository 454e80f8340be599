"""Verify the stamp of every page request, and store forms whose session had expired."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, resolve_url
from django.urls import reverse
from django.utils import timezone

from crm.authentication.form_guard import kept_forms
from crm.authentication.principals import session_granted_at
from crm.authentication.services.sessions import is_session_good, move_session
from crm.core import tenancy
from crm.core.admin.site import is_idle_operator
from crm.core.errors import AppError, NotAuthenticated
from crm.core.form_guard.errors import OrganizationSwitched, PersonSwitched
from crm.core.form_guard.idempotency import forget_older_answers
from crm.core.form_guard.stamps import KEPT, SWITCH, check_person, stamp_of
from crm.core.http.exceptions import is_for_programs, is_from_script, problem_json
from crm.organizations.access import check_organization, membership_in
from crm.organizations.models import User
from crm.organizations.services.members import SESSION_KEY, current_membership

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
# How one gets in, out and elsewhere: these change the session itself.
SESSION_VIEWS = frozenset(
    {
        "authentication:log_in",
        "authentication:log_out",
        "authentication:switch_organization",
        "authentication:stop_impersonation",
        "authentication:join",
        "account_login",
        "account_logout",
    }
)
# About the person alone, the same in each of their organizations.
PERSONAL_VIEWS = frozenset(
    {
        "authentication:set_language",
        "authentication:set_timezone",
        "organizations:profile",
        "authentication:end_session",
        "authentication:end_family",
        "authentication:end_all_others",
    }
)
_PERSONAL_STARTS = ("account_", "mfa_", "socialaccount_")


class FormGuardMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = timezone.now()
        response = self.get_response(request)
        if _is_carried_out(request, response):
            forget_older_answers(request, began)
        if _saved_kept_form(request, response):
            return _next_kept_form(request, response)
        if request.method in SAFE or not _leads_to_log_in(request, response):
            return response
        if request.user.is_authenticated:
            # An operator who was away for too long: nobody, from here on.
            kept_forms.log_out_and_keep(request)
        if is_from_script(request):
            return problem_json(NotAuthenticated())
        return self._wait_for_log_in(request, response)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Reject a page of another organization or user. The API checks for itself."""
        if is_for_programs(request):
            return None
        if request.method not in SAFE and KEPT in request.POST and request.user.is_authenticated:
            kept_forms.drop(request, request.POST[KEPT])
        if _is_guarded_otherwise(request):
            return None
        stamp = stamp_of(request)
        is_change = request.method not in SAFE
        if not is_change and stamp.organization_id is None:
            return None
        user = request.user
        if not isinstance(user, User):
            return None
        try:
            check_person(user, stamp)
            if not is_personal(request):
                if is_change and SWITCH in request.POST and not _switch_back(request, user):
                    kept_forms.log_out_and_keep(request)
                    return self._wait_for_log_in(request, redirect(settings.LOGIN_URL))
                check_organization(
                    getattr(request, "membership", None) or None, stamp, is_change=is_change
                )
        except AppError as refusal:
            return _refuse(request, refusal)
        return None

    @staticmethod
    def _wait_for_log_in(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if key := kept_forms.keep(request):
            return redirect(kept_forms.log_in_url(key))
        return kept_forms.unkept_page(request) or response


def is_personal(request: HttpRequest) -> bool:
    match = request.resolver_match
    name = match.view_name if match else ""
    return name in PERSONAL_VIEWS or name.startswith(_PERSONAL_STARTS)


def _is_guarded_otherwise(request: HttpRequest) -> bool:
    match = request.resolver_match
    return match is None or match.app_name == "admin" or match.view_name in SESSION_VIEWS


def _is_carried_out(request: HttpRequest, response: HttpResponse) -> bool:
    is_form = request.method not in SAFE and not is_for_programs(request)
    return is_form and response.status_code < HTTPStatus.BAD_REQUEST


def _saved_kept_form(request: HttpRequest, response: HttpResponse) -> bool:
    return (
        request.method not in SAFE
        and isinstance(response, HttpResponseRedirect)
        and request.user.is_authenticated
        and KEPT in request.POST
    )


def _next_kept_form(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Go on to the next stored form, or, after the last one, to where this one leads."""
    if kept_forms.kept_forms_of(request, request.user):
        return redirect("authentication:kept_form")
    return response


def _leads_to_log_in(request: HttpRequest, response: HttpResponse) -> bool:
    if not isinstance(response, HttpResponseRedirect):
        return False
    path, _mark, query = response.url.partition("?")
    if "next=" not in query or request.resolver_match is None:
        return False
    if path == reverse("admin:login"):
        return not request.user.is_authenticated or is_idle_operator(request)
    return (
        path == resolve_url(settings.LOGIN_URL)
        and request.resolver_match.view_name not in SESSION_VIEWS
        and not request.user.is_authenticated
    )


def _switch_back(request: HttpRequest, user: User) -> bool:
    """Switch the session to the stamp's organization, as chosen on our page.

    Return whether the session is still valid: it may be over by the rules of that organization.
    """
    wanted = stamp_of(request).organization_id
    present: Any = getattr(request, "membership", None)
    if wanted is None or not present or present.impersonation:
        return True
    chosen = current_membership(
        user=user,
        organization_id=str(wanted),
        granted_at=session_granted_at(request.session, user),
    )
    if chosen is None or chosen.organization_id != wanted:
        return True
    request.session[SESSION_KEY] = str(wanted)
    move_session(request=request, user=user, organization_id=wanted)
    if not is_session_good(request, user):
        return False
    tenancy.enter(wanted)
    request.membership = chosen  # type: ignore[attr-defined]
    return True


def _refuse(request: HttpRequest, refusal: AppError) -> HttpResponse:
    if is_from_script(request) or request.method in SAFE:
        return problem_json(refusal)
    reason, other = "unnamed", ""
    if isinstance(refusal, PersonSwitched):
        reason = "person"
    elif isinstance(refusal, OrganizationSwitched):
        stamp = stamp_of(request)
        reason = "switched"
        if stamp.organization_id is not None:
            found = membership_in(cast(User, request.user), stamp.organization_id)
            other = found.organization.name if found else ""
    return kept_forms.kept_page(
        request,
        kept_forms.form_of(request),
        reason=reason,
        status=refusal.status,
        error=refusal,
        other=other,
    )
