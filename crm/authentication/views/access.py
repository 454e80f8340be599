"""Pages of sessions, log-in rules and API keys."""

from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from crm.authentication.forms.access import ApiKeyForm, LogInRulesForm
from crm.authentication.models import ApiKey, EndReason, SecuritySettings, TokenFamily, UserSession
from crm.authentication.services.access import end_access
from crm.authentication.services.api_keys import (
    MAX_KEYS,
    SECRETS_PER_KEY,
    create_api_key,
    revoke_api_key,
    revoke_secret,
    rotate_api_key,
)
from crm.authentication.services.sessions import (
    RECORD_KEY,
    end_sessions,
    security_of,
    set_log_in_rules,
)
from crm.authentication.services.token_families import end_families
from crm.core import tenancy
from crm.core.errors import AppError
from crm.core.form_guard.edits import version_of
from crm.core.form_guard.idempotency import once
from crm.core.permissions import READ, WRITE, Module, require
from crm.core.permissions.requests import member_required
from crm.core.text.normalization import isolate
from crm.core.versions import EditedMeanwhile
from crm.organizations.access import membership_of
from crm.organizations.models import Membership, User

SHOWN = 50


@never_cache
@login_required
@require_http_methods(["GET", "HEAD"])
def sessions(request: HttpRequest) -> HttpResponse:
    """Render the active sessions: this browser, others, and programs."""
    user = cast(User, request.user)
    now = timezone.now()
    with tenancy.person(user.pk):
        # Those in one's other organizations too.
        live = list(UserSession.objects.of(user).live().with_rules().last_used_first()[:SHOWN])
        families = list(
            TokenFamily.objects.of(user)
            .live(now)
            .select_related("organization")
            .last_used_first()[:SHOWN]
        )
    own_id = request.session.get(RECORD_KEY)
    shown = [record for record in live if record.ends_at() > now]
    shown.sort(key=lambda record: str(record.pk) != own_id)
    context = {
        "active_section": "settings",
        "active_page": "sessions",
        "sessions": shown,
        "own_id": own_id,
        "families": families,
    }
    return render(request, "authentication/sessions.html", context)


@login_required
@require_POST
def end_session(request: HttpRequest, session_id: UUID) -> HttpResponse:
    ended = end_sessions(
        user_id=cast(User, request.user).pk, because=EndReason.REVOKED, session_id=session_id
    )
    return _redirect_after_end(request, len(ended))


@login_required
@require_POST
def end_family(request: HttpRequest, family_id: UUID) -> HttpResponse:
    ended = end_families(
        user_id=cast(User, request.user).pk, because=EndReason.REVOKED, family_id=family_id
    )
    return _redirect_after_end(request, len(ended))


@login_required
@require_POST
def end_all_others(request: HttpRequest) -> HttpResponse:
    """End everything but this session: browsers, programs and their sockets."""
    user = cast(User, request.user)
    end_access(
        user_id=user.pk, because=EndReason.REVOKED, spared_id=request.session.get(RECORD_KEY)
    )
    messages.success(request, _("You are logged out everywhere else."))
    return redirect("authentication:sessions")


@never_cache
@member_required
@require_http_methods(["GET", "HEAD", "POST"])
@once
def log_in_rules(request: HttpRequest) -> HttpResponse:
    membership = membership_of(request)
    require(membership, Module.SETTINGS, READ)
    rules = security_of(membership)
    form = LogInRulesForm(request.POST or None, initial=_rules(rules), record=rules)
    status = 400 if form.is_bound else 200
    if request.method == "POST" and form.is_valid():
        try:
            set_log_in_rules(by=membership, version=version_of(request), **form.cleaned_data)
        except EditedMeanwhile as refusal:
            rules = security_of(membership)
            form.meet(rules, _rules(rules))
            status = refusal.status
        else:
            messages.success(request, _("Saved."))
            return redirect("authentication:log_in_rules")
    context = {
        "active_section": "settings",
        "active_page": "log_in_rules",
        "form": form,
        "may_change": membership.may(Module.SETTINGS, WRITE),
        "token_days": settings.REFRESH_TOKEN_DAYS,
    }
    return render(request, "authentication/log_in_rules.html", context, status=status)


def _rules(rules: SecuritySettings) -> dict[str, Any]:
    return {"session_hours": rules.session_hours, "idle_minutes": rules.idle_minutes}


@never_cache
@member_required
@require_http_methods(["GET", "HEAD", "POST"])
@once
def api_keys(request: HttpRequest) -> HttpResponse:
    """Render the API keys, and create one; its text is shown only in that response."""
    membership = membership_of(request)
    require(membership, Module.SETTINGS, READ)
    if request.method != "POST":
        return _keys_page(request)
    form = ApiKeyForm(request.POST, principal=membership)
    if not form.is_valid():
        return _keys_page(request, form=form, status=400)
    try:
        made = create_api_key(
            by=membership,
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["scopes"],
            expires_at=form.expires_at(),
        )
    except AppError as refusal:
        form.add_error(None, refusal.message)
        return _keys_page(request, form=form, status=refusal.status)
    return _keys_page(request, made=made, status=201)


@never_cache
@member_required
@require_POST
@once
def rotate_key(request: HttpRequest, key_id: UUID) -> HttpResponse:
    try:
        made = rotate_api_key(by=membership_of(request), key_id=key_id)
    except AppError as refusal:
        messages.error(request, refusal.message)
        return redirect("authentication:api_keys_page")
    return _keys_page(request, made=made, status=201)


@member_required
@require_POST
def end_key(request: HttpRequest, key_id: UUID) -> HttpResponse:
    key = revoke_api_key(by=membership_of(request), key_id=key_id)
    messages.success(request, _("“%(name)s” opens nothing any more.") % {"name": isolate(key.name)})
    return redirect("authentication:api_keys_page")


@member_required
@require_POST
def end_secret(request: HttpRequest, key_id: UUID, secret_id: UUID) -> HttpResponse:
    revoke_secret(by=membership_of(request), key_id=key_id, secret_id=secret_id)
    messages.success(request, _("The old secret opens nothing any more."))
    return redirect("authentication:api_keys_page")


def _redirect_after_end(request: HttpRequest, count: int) -> HttpResponse:
    if count:
        messages.success(
            request,
            ngettext("Logged out there.", "Logged out in %(count)d places.", count)
            % {"count": count},
        )
    return redirect("authentication:sessions")


def _keys_page(request: HttpRequest, *, status: int = 200, **context: Any) -> HttpResponse:
    membership = membership_of(request)
    form: ApiKeyForm = context.setdefault("form", ApiKeyForm(principal=membership))
    chosen = form.data.getlist("scopes") if form.is_bound else ()  # type: ignore[attr-defined]
    members = Membership.objects.active().in_organization(membership.organization_id)
    keys = (
        ApiKey.objects.of(membership.organization_id)
        .not_revoked()
        .annotate(is_of_member=members.including("created_by"))
        .newest_first()
        .select_related("created_by")
        .prefetch_related("secrets")[:MAX_KEYS]
    )
    now = timezone.now()
    context |= {
        "active_section": "settings",
        "active_page": "api_keys",
        "may_change": membership.may(Module.SETTINGS, WRITE),
        "keys": [_key_row(key, now) for key in keys],
        "areas": [
            {
                "label": area.label,
                "scopes": [
                    {
                        "value": f"{area}:{action}",
                        "is_chosen": f"{area}:{action}" in chosen,
                        "is_offered": f"{area}:{action}" in form.offered,
                    }
                    for action in (READ, WRITE)
                ],
            }
            for area in Module
        ],
    }
    return render(request, "authentication/api_keys.html", context, status=status)


def _key_row(key: ApiKey, now: Any) -> dict[str, Any]:
    secrets = [each for each in key.secrets.all() if each.revoked_at is None]
    return {
        "key": key,
        "is_live": key.is_live(now),
        "secrets": sorted(secrets, key=lambda each: each.created_at),
        "may_rotate": key.is_live(now) and len(secrets) < SECRETS_PER_KEY,
    }
