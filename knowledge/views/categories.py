"""Pages of FAQ categories."""

from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from crm.accounts.access import member_required
from crm.accounts.form_guard.edits import version_of
from crm.accounts.form_guard.idempotency import once
from crm.accounts.undo import offer_undo
from crm.core.text.normalization import isolate
from crm.core.versions import EditedMeanwhile
from knowledge.errors import CategoryNameTaken
from knowledge.forms import CategoryForm
from knowledge.models import FaqCategory
from knowledge.services import create_category, delete_category, rename_category
from knowledge.views.editing import manager_of, reader_of


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
                    organization_id=membership.organization_id,
                    name=form.cleaned_data["name"],
                    names=form.names(),
                    by=membership,
                )
            except CategoryNameTaken as taken:
                form.add_error("name", _(taken.message))
            else:
                messages.success(request, _("Saved."))
                return redirect("knowledge:categories")
    alive = Count("faqs", filter=Q(faqs__deleted_at__isnull=True))
    found = FaqCategory.objects.visible_to(membership).annotate(total=alive).in_order()[:500]
    return render(
        request,
        "knowledge/categories.html",
        {
            "active_section": "knowledge",
            "active_tab": "categories",
            "form": form,
            "categories": found,
            "rows": [(category, CategoryForm(category=category)) for category in found],
        },
        status=422 if form.errors else 200,
    )


@require_POST
@member_required
@once
def rename(request: HttpRequest, category_id: UUID) -> HttpResponse:
    membership = manager_of(request)
    form = CategoryForm(request.POST)
    if form.is_valid():
        wanted = form.cleaned_data["name"]
        try:
            rename_category(
                organization_id=membership.organization_id,
                category_id=category_id,
                name=wanted,
                names=form.names() if names_were_sent(request) else None,
                by=membership,
                version=version_of(request),
            )
        except EditedMeanwhile:
            present = FaqCategory.objects.of(membership.organization_id).get(pk=category_id)
            messages.error(
                request,
                _(
                    "The category was renamed meanwhile: it is “%(present)s” now. What you wrote, "
                    "“%(wanted)s”, was not saved."
                )
                % {
                    "present": isolate(present.name),
                    "wanted": isolate(", ".join([wanted, *filter(None, form.names().values())])),
                },
            )
        except CategoryNameTaken as taken:
            _refused(request, form, _(taken.message))
        else:
            messages.success(request, _("Saved."))
    else:
        _refused(request, form, _("A category needs a name of at most 100 letters."))
    return redirect("knowledge:categories")


def _refused(request: HttpRequest, form: CategoryForm, words: str) -> None:
    """Add an error message with the reason and the names that were entered."""
    names = [str(form.data.get(form.add_prefix(each), "")).strip() for each in form.fields]
    written = isolate(", ".join(filter(None, names)))
    messages.error(request, f"{words} “{written}”" if any(names) else words)


def names_were_sent(request: HttpRequest) -> bool:
    """Return whether the form had fields by language; otherwise the names are unchanged."""
    return any(name.startswith("name-") for name in request.POST)


@require_POST
@member_required
def delete(request: HttpRequest, category_id: UUID) -> HttpResponse:
    """Delete a category; its FAQs stay, without one."""
    membership = manager_of(request)
    action_id = delete_category(
        organization_id=membership.organization_id, category_id=category_id, by=membership
    )
    offer_undo(request, _("The category is gone. Its FAQs are still there."), action_id)
    return redirect("knowledge:categories")
