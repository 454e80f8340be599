"""Pages for editing FAQs."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from crm.core.errors import Conflict
from crm.core.form_guard.edits import version_of
from crm.core.form_guard.idempotency import once
from crm.core.permissions import WRITE, Module, can_access, require
from crm.core.permissions.requests import member_required
from crm.core.quotas import QuotaExceeded
from crm.core.text.normalization import isolate
from crm.core.undo.services import offer_undo
from crm.core.versions import EditedMeanwhile
from crm.organizations.access import membership_of
from crm.organizations.models import Language, Membership
from knowledge.errors import FaqKeyTaken, InvalidFaq
from knowledge.forms import FaqForm
from knowledge.models import Faq
from knowledge.services import (
    create_faq,
    delete_faq_undoably,
    restore_faq,
    set_published,
    update_faq,
)

# Set by a page that showed a warning.
WARNED = "warned"


def reader_of(request: HttpRequest) -> Membership:
    """Return the membership if it has read permission on knowledge. Raise Forbidden."""
    membership = membership_of(request)
    require(membership, Module.KNOWLEDGE)
    return membership


def manager_of(request: HttpRequest) -> Membership:
    """Return the membership if it has write permission on knowledge. Raise Forbidden."""
    membership = membership_of(request)
    require(membership, Module.KNOWLEDGE, WRITE)
    return membership


@require_http_methods(["GET", "POST"])
@never_cache
@member_required
@once
def new_faq(request: HttpRequest) -> HttpResponse:
    """Create a FAQ; ``?key=&language=`` starts a translation of another one."""
    membership = manager_of(request)
    initial = {
        "key": request.GET.get("key", ""),
        "language_code": request.GET.get("language") or membership.organization.language_code,
        "question": request.GET.get("question", ""),
        "category": request.GET.get("category") or None,
        "is_published": True,
    }
    return writing(request, membership, initial=initial)


def writing(
    request: HttpRequest,
    membership: Membership,
    *,
    initial: dict[str, Any],
    saved: Callable[[Faq], None] | None = None,
    back: str = "",
    warning: str = "",
    extra: dict[str, Any] | None = None,
) -> HttpResponse:
    """Render or store a new FAQ; ``saved`` is called with it, then redirect to the list.

    ``warning`` says why there may be no need for it any more: the FAQ is stored only from a page
    that showed it. ``extra`` is context for the template.
    """
    form = FaqForm(
        request.POST or None, initial=initial, organization_id=membership.organization_id
    )
    is_warned = not warning or WARNED in request.POST
    if request.method == "POST" and form.is_valid() and is_warned:
        try:
            faq = create_faq(
                organization_id=membership.organization_id,
                content=form.content(),
                by=membership,
            )
        except FaqKeyTaken as error:
            form.add_error("key", _(error.message))
        except InvalidFaq as error:
            form.refuse(error.extra["errors"])
        else:
            if saved:
                # Not before it is certain that the FAQ stays: a once-key holds the transaction.
                transaction.on_commit(partial(saved, faq))
            messages.success(request, _("Saved. The bot knows it in a moment."))
            return redirect(back or "knowledge:faqs")
    status = Conflict.status if form.is_bound and not is_warned else 200
    context = {"warning": warning, **(extra or {})}
    return _form_page(request, membership, form, None, back, context, status=status)


@require_http_methods(["GET", "POST"])
@never_cache
@member_required
@once
def edit_faq(request: HttpRequest, faq_id: UUID) -> HttpResponse:
    """Render a FAQ to readers, and store the changes of those who may edit it."""
    membership = reader_of(request)
    if request.method == "POST":
        manager_of(request)
    faq = get_object_or_404(
        Faq.objects.visible_to(membership).select_related("category"), pk=faq_id
    )
    form = FaqForm(
        request.POST or None,
        initial=FaqForm.initial_of(faq),
        organization_id=membership.organization_id,
        record=faq,
    )
    if request.method == "POST" and form.is_valid():
        content = form.content()
        try:
            update_faq(
                organization_id=membership.organization_id,
                faq_id=faq.pk,
                content=content,
                by=membership,
                version=version_of(request),
            )
        except EditedMeanwhile:
            faq = get_object_or_404(
                Faq.objects.visible_to(membership).select_related("category"), pk=faq_id
            )
            form.meet(faq, FaqForm.initial_of(faq))
        except FaqKeyTaken as error:
            form.add_error("key", _(error.message))
        except InvalidFaq as error:
            form.refuse(error.extra["errors"])
        else:
            messages.success(request, _("Saved. The bot knows it in a moment."))
            return redirect("knowledge:faq", faq_id=faq.pk)
    return _form_page(request, membership, form, faq, "")


def _form_page(
    request: HttpRequest,
    membership: Membership,
    form: FaqForm,
    faq: Faq | None,
    back: str,
    extra: dict[str, Any] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    may_change = (
        can_access(membership, Module.KNOWLEDGE, WRITE, (faq.created_by_id,))
        if faq
        else membership.may(Module.KNOWLEDGE, WRITE)
    )
    if not may_change:
        for field in form.fields.values():
            field.disabled = True
    if form.errors:
        status = 422
    if form.was_changed_elsewhere:
        status = EditedMeanwhile.status
    return render(
        request,
        "knowledge/faq.html",
        {
            "active_section": "knowledge",
            "form": form,
            "faq": faq,
            "may_change": may_change,
            "back": back or reverse("knowledge:faqs"),
            "versions": _versions(faq) if faq else [],
            **(extra or {}),
        },
        status=status,
    )


def _versions(faq: Faq) -> list[dict[str, Any]]:
    """Return every language with this FAQ's version in it, if there is one."""
    there = {
        other.language_code: other
        for other in Faq.objects.of(faq.organization_id).alive().with_key(faq.key)
    }
    return [
        {
            "language": code,
            "name": name,
            "faq": there.get(code),
            "is_this": code == faq.language_code,
        }
        for code, name in Language.choices
    ]


@require_POST
@member_required
@once
def delete(request: HttpRequest, faq_id: UUID) -> HttpResponse:
    membership = manager_of(request)
    try:
        faq, action_id = delete_faq_undoably(
            by=membership, faq_id=faq_id, version=version_of(request)
        )
    except EditedMeanwhile:
        return _look_again(request, faq_id)
    text = _("“%(question)s” was deleted.") % {"question": isolate(faq.question[:80])}
    offer_undo(request, text, action_id)
    return redirect("knowledge:faqs")


def _look_again(request: HttpRequest, faq_id: UUID) -> HttpResponse:
    """Show a FAQ that was edited in the meantime, instead of carrying out the action."""
    messages.error(
        request,
        _("Somebody edited this FAQ meanwhile. Nothing was done; this is how it looks now."),
    )
    return redirect("knowledge:faq", faq_id=faq_id)


@require_POST
@member_required
def restore(request: HttpRequest, faq_id: UUID) -> HttpResponse:
    membership = manager_of(request)
    try:
        restore_faq(organization_id=membership.organization_id, faq_id=faq_id, by=membership)
    except (FaqKeyTaken, QuotaExceeded) as error:
        messages.error(request, _(error.message))
    else:
        messages.success(request, _("The FAQ is back."))
    return redirect("knowledge:faqs")


@require_POST
@member_required
@once
def publish(request: HttpRequest, faq_id: UUID) -> HttpResponse:
    """Publish or unpublish, by the button's ``to``."""
    membership = manager_of(request)
    try:
        faq = set_published(
            organization_id=membership.organization_id,
            faq_id=faq_id,
            is_published=request.POST.get("to") == "published",
            by=membership,
            version=version_of(request),
        )
    except EditedMeanwhile:
        return _look_again(request, faq_id)
    messages.success(
        request,
        _("Published.") if faq.is_published else _("Hidden: the bot does not tell it any more."),
    )
    return redirect("knowledge:faq", faq_id=faq.pk)
