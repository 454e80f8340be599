"""Pages of FAQ categories."""

from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from crm.core.form_guard.edits import version_of
from crm.core.form_guard.idempotency import once
from crm.core.permissions import WRITE, Level, Module
from crm.core.permissions.requests import member_required
from crm.core.quotas import QuotaExceeded
from crm.core.undo.services import offer_undo
from crm.core.versions import EditedMeanwhile
from crm.organizations.models import Membership
from knowledge.errors import CategoryNameTaken, CategoryNotFound, TooManyCategories
from knowledge.forms import CategoryForm
from knowledge.models import Faq, FaqCategory
from knowledge.services import create_category, delete_category, rename_category
from knowledge.views.faqs import manager_of, reader_of

# They keep what was typed.
_REFUSALS = (CategoryNameTaken, TooManyCategories, QuotaExceeded)


@require_http_methods(["GET", "POST"])
@never_cache
@member_required
@once
def categories(request: HttpRequest) -> HttpResponse:
    """Render the categories with their numbers of FAQs, and add one."""
    membership = reader_of(request)
    form = CategoryForm(request.POST or None)
    if request.method == "POST":
        manager_of(request)
        if form.is_valid():
            try:
                create_category(
                    name=form.cleaned_data["name"],
                    names=form.names(),
                    by=membership,
                )
            except _REFUSALS as refusal:
                form.add_error("name", refusal.message)
                is_taken = isinstance(refusal, CategoryNameTaken)
                status = 422 if is_taken else refusal.status
                return _page(request, membership, form, status=status)
            else:
                messages.success(request, _("Saved."))
                return redirect("knowledge:categories")
    return _page(request, membership, form, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@member_required
@once
def rename(request: HttpRequest, category_id: UUID) -> HttpResponse:
    """Rename a category; a refusal shows the list again, with what was written in its row."""
    if request.method != "POST":
        # Where the refusal stood: whoever loads it again, or changes the language there.
        return redirect("knowledge:categories")
    membership = manager_of(request)
    category = FaqCategory.objects.of(membership.organization_id).filter(pk=category_id).first()
    if category is None:
        raise CategoryNotFound
    form = CategoryForm(request.POST, category=category)
    status = 422
    if form.is_valid():
        try:
            rename_category(
                category_id=category_id,
                name=form.cleaned_data["name"],
                names=form.names() if names_were_sent(request) else None,
                by=membership,
                version=version_of(request),
            )
        except EditedMeanwhile as refusal:
            category.refresh_from_db()
            form.meet(category, CategoryForm.initial_of(category))
            status = refusal.status
        except _REFUSALS as refusal:
            form.add_error("name", refusal.message)
            status = refusal.status
        else:
            messages.success(request, _("Saved."))
            return redirect("knowledge:categories")
    return _page(request, membership, CategoryForm(), edited=form, status=status)


def _page(
    request: HttpRequest,
    membership: Membership,
    form: CategoryForm,
    *,
    edited: CategoryForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render the list; ``edited`` stands in the row of its category."""
    theirs = Count("faqs", filter=Q(faqs__in=Faq.objects.visible_to(membership)))
    found = FaqCategory.objects.visible_to(membership).annotate(total=theirs).in_order()[:500]
    edited_id = edited.record.pk if edited and edited.record else None
    return render(
        request,
        "knowledge/categories.html",
        {
            "active_section": "faqs",
            "active_tab": "categories",
            "form": form,
            "categories": found,
            # They are over everybody's FAQs.
            "may_manage": membership.may(Module.KNOWLEDGE, WRITE, Level.ALL),
            "rows": [
                (each, edited if each.pk == edited_id else CategoryForm(category=each))
                for each in found
            ],
        },
        status=status,
    )


def names_were_sent(request: HttpRequest) -> bool:
    """Return whether the form had fields by language; otherwise the names are unchanged."""
    return any(name.startswith("name-") for name in request.POST)


@require_POST
@member_required
def delete(request: HttpRequest, category_id: UUID) -> HttpResponse:
    """Delete a category; its FAQs stay, without one."""
    membership = manager_of(request)
    action_id = delete_category(category_id=category_id, by=membership)
    offer_undo(request, _("The category is gone. Its FAQs are still there."), action_id)
    return redirect("knowledge:categories")
