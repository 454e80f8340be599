"""Forms that were rejected: after an expired session, or with an old CSRF token."""

from typing import cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect, resolve_url
from django.utils.translation import gettext as _
from django.views.csrf import csrf_failure as expired_page
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from crm.authentication.form_guard import kept_forms
from crm.core.errors import CsrfFailed, NotAuthenticated
from crm.core.form_guard.errors import PageOutdated, PersonSwitched
from crm.core.form_guard.sent_forms import refill_from
from crm.core.form_guard.stamps import check_person, stamp_of
from crm.core.http.exceptions import is_for_programs, is_from_script, problem_json
from crm.core.http.redirects import local_target
from crm.organizations.models import User

# Forms for whoever is not logged in; logging in, in another tab, makes their CSRF tokens old.
DOORS = frozenset(
    {
        "authentication:log_in",
        "authentication:join",
        "account_login",
        "account_signup",
        "account_reset_password",
        "account_reset_password_from_key",
        "socialaccount_signup",
        "mfa_login_webauthn",
    }
)
LOG_IN = frozenset({"authentication:log_in", "account_login", "mfa_login_webauthn"})


@never_cache
@login_required
@require_safe
def kept_form(request: HttpRequest, key: str = "") -> HttpResponse:
    """Render a form whose session had expired, to be submitted again by its button.

    Without a key, or with one that is used up, it is the oldest one. The page links to the others.
    """
    stored = kept_forms.kept_forms_of(request, cast(User, request.user))
    if not stored:
        return redirect(settings.LOGIN_REDIRECT_URL)
    form = next((each for each in stored if each.key == key), stored[0])
    return kept_forms.kept_page(
        request,
        form,
        reason="logged_out",
        status=200,
        waiting=[each for each in stored if each is not form],
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Handle a stale CSRF token that a log-in or log-out in another tab explains.

    Nothing is executed; the form is shown again with a fresh token if the request came from one of
    our own pages.
    """
    if is_for_programs(request):
        return problem_json(CsrfFailed())
    if is_from_script(request):
        is_known = request.user.is_authenticated
        return problem_json(PageOutdated() if is_known else NotAuthenticated())
    match = request.resolver_match
    name = match.view_name if match else ""
    if name in LOG_IN and request.user.is_authenticated:
        default = resolve_url(settings.LOGIN_REDIRECT_URL)
        return HttpResponseRedirect(local_target(request, request.POST.get("next"), default))
    if match is None or not _comes_from_us(request):
        return expired_page(request, reason)
    if request.user.is_authenticated:
        return redirect(request.get_full_path()) if name in DOORS else _stale(request)
    if name in DOORS:
        return _anew(request)
    if key := kept_forms.keep(request):
        return redirect(kept_forms.log_in_url(key))
    return kept_forms.unkept_page(request) or expired_page(request, reason)


def _stale(request: HttpRequest) -> HttpResponse:
    """Render the form for another submission; its stamp is verified then."""
    try:
        check_person(cast(User, request.user), stamp_of(request))
    except PersonSwitched as refusal:
        return kept_forms.kept_page(
            request,
            kept_forms.form_of(request),
            reason="person",
            status=refusal.status,
            error=refusal,
        )
    return kept_forms.kept_page(request, kept_forms.form_of(request), reason="stale", status=200)


def _anew(request: HttpRequest) -> HttpResponse:
    """Render an authentication form again, filled with what was typed except secrets."""
    match = request.resolver_match
    assert match is not None  # noqa: S101  checked by the caller
    refill_from(request)
    request.method = "GET"
    request.POST = QueryDict()
    messages.warning(request, _("Send the form once more: the page was no longer up to date."))
    response: HttpResponse = match.func(request, *match.args, **match.kwargs)
    return response.render() if hasattr(response, "render") else response


def _comes_from_us(request: HttpRequest) -> bool:
    origin = request.headers.get("Origin")
    if origin is not None:
        return origin == f"{request.scheme}://{request.get_host()}"
    return request.headers.get("Sec-Fetch-Site") == "same-origin"
