"""The settings page of visitor identity: the secrets of each widget, and how to sign with them."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from chat.models import IdentitySecret, Widget
from chat.services.identity_secrets import (
    MAX_SECRETS,
    add_identity_secret,
    end_identity_secret,
    may_add_secrets,
)
from crm.core.errors import AppError
from crm.core.form_guard.idempotency import once
from crm.core.permissions import READ, WRITE, Module, require
from crm.core.permissions.requests import member_required
from crm.organizations.access import membership_of
from crm.organizations.models import Membership

MAX_WIDGETS = 100


@never_cache
@member_required
@require_safe
def visitor_identity(request: HttpRequest) -> HttpResponse:
    return _page(request)


@never_cache
@member_required
@require_POST
@once
def add_secret(request: HttpRequest, widget_id: UUID) -> HttpResponse:
    """Create a secret; its text is shown only in this response."""
    try:
        created = add_identity_secret(by=membership_of(request), widget_id=widget_id)
    except AppError as refusal:
        messages.error(request, refusal.message)
        return redirect("chat:visitor_identity")
    return _page(request, created=created, status=201)


@member_required
@require_POST
def end_secret(request: HttpRequest, secret_id: UUID) -> HttpResponse:
    end_identity_secret(by=membership_of(request), secret_id=secret_id)
    messages.success(request, _("Nothing signed with this secret is accepted any more."))
    return redirect("chat:visitor_identity")


def _page(request: HttpRequest, *, status: int = 200, **context: Any) -> HttpResponse:
    membership = membership_of(request)
    require(membership, Module.SETTINGS, READ)
    widgets = Widget.objects.filter(organization_id=membership.organization_id).order_by("name")
    members = Membership.objects.active().in_organization(membership.organization_id)
    secrets = IdentitySecret.objects.filter(
        organization_id=membership.organization_id, revoked_at__isnull=True
    )
    active: dict[UUID, list[IdentitySecret]] = {}
    for secret in (
        secrets.annotate(is_of_member=members.including("created_by"))
        .select_related("created_by")
        .order_by("created_at")
    ):
        active.setdefault(secret.widget_id, []).append(secret)
    context |= {
        "active_section": "settings",
        "active_page": "visitor_identity",
        "may_change": membership.may(Module.SETTINGS, WRITE),
        "may_make": may_add_secrets(membership),
        "rows": [
            {
                "widget": widget,
                "secrets": active.get(widget.pk, []),
                "may_add": len(active.get(widget.pk, [])) < MAX_SECRETS,
            }
            for widget in widgets[:MAX_WIDGETS]
        ],
    }
    return render(request, "chat/settings/visitor_identity.html", context, status=status)
