"""Admin of FAQs; it writes through the same services as the pages."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from crm.core.admin.model_admin import ConsoleAdmin
from crm.core.admin.navigation import Menu, Section
from crm.core.forms import ModelForm
from crm.core.permissions import SystemPrincipal
from knowledge.errors import CategoryNameTaken, FaqKeyTaken
from knowledge.models import Faq, FaqCategory
from knowledge.services import (
    FaqContent,
    create_faq,
    delete_faq,
    is_called_like_another,
    lock_knowledge,
    update_faq,
)


class FaqAdminForm(ModelForm):
    class Meta:
        model = Faq
        fields = [
            "organization",
            "question",
            "answer",
            "language_code",
            "category",
            "phrasings",
            "key",
            "is_published",
        ]

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        category, organization = cleaned.get("category"), cleaned.get("organization")
        if category and organization and category.organization_id != organization.pk:
            self.add_error("category", _("Choose a category of the same organization."))
        same = Faq.objects.none()
        if organization:
            same = (
                Faq.objects.of(organization.pk)
                .alive()
                .with_key(cleaned.get("key", ""))
                .in_language(cleaned.get("language_code", ""))
                .exclude(pk=self.instance.pk)
            )
        if same.exists():
            self.add_error("key", FaqKeyTaken.message)
        return cleaned


@admin.register(Faq)
class FaqAdmin(ConsoleAdmin):
    menu = Menu(Section.WORK, "quiz", rank=40)
    form = FaqAdminForm
    list_display = [
        "question",
        "organization",
        "language_code",
        "category",
        "is_published",
        "is_searchable",
        "updated_at",
    ]
    list_filter = ["language_code", "is_published"]
    list_select_related = ["organization", "category"]
    search_fields = ["key", "folded_text"]
    autocomplete_fields = ["organization", "category"]
    ordering = ["-id"]

    @admin.display(boolean=True, description=_("searchable"))
    def is_searchable(self, faq: Faq) -> bool:
        return faq.is_findable and faq.is_indexed

    def get_queryset(self, request: HttpRequest) -> QuerySet[Faq]:
        return Faq.objects.alive()

    def get_readonly_fields(self, request: HttpRequest, obj: Faq | None = None) -> list[str]:
        # Another organization's FAQ is another FAQ.
        return ["organization"] if obj else []

    def lock_first(self, row: Faq) -> None:
        lock_knowledge(row.organization_id)

    def save_model(self, request: HttpRequest, obj: Faq, form: Any, change: Any) -> None:
        content = FaqContent(
            question=obj.question,
            answer=obj.answer,
            language_code=obj.language_code,
            key=obj.key,
            category_id=obj.category_id,
            phrasings=tuple(obj.phrasings),
            is_published=obj.is_published,
        )
        if change:
            stored = update_faq(
                by=SystemPrincipal(obj.organization_id), faq_id=obj.pk, content=content
            )
        else:
            stored = create_faq(by=SystemPrincipal(obj.organization_id), content=content)
            obj.pk = stored.pk
        obj.refresh_from_db()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        user: Any = request.user
        return bool(user.has_perm("knowledge.delete_faq"))

    def delete_model(self, request: HttpRequest, obj: Faq) -> None:
        delete_faq(by=SystemPrincipal(obj.organization_id), faq_id=obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Faq]) -> None:
        for faq in queryset.order_by("organization", "pk"):
            delete_faq(by=SystemPrincipal(faq.organization_id), faq_id=faq.pk)


class FaqCategoryAdminForm(ModelForm):
    """Form of a category; checks the names with `is_called_like_another`."""

    class Meta:
        model = FaqCategory
        fields = ["organization", "name", "names", "slug", "position"]

    def _post_clean(self) -> None:
        """Check the names after the instance is filled and its fields are validated."""
        super()._post_clean()  # type: ignore[misc]  # not in the stubs
        if not self.errors:
            lock_knowledge(self.instance.organization_id)
            if is_called_like_another(self.instance):
                self.add_error("name", gettext(CategoryNameTaken.message))


@admin.register(FaqCategory)
class FaqCategoryAdmin(ConsoleAdmin):
    form = FaqCategoryAdminForm
    menu = Menu(Section.WORK, "category", rank=50)
    list_display = ["name", "organization", "slug", "position"]
    list_select_related = ["organization"]
    search_fields = ["name", "slug", "organization__name"]
    autocomplete_fields = ["organization"]
    ordering = ["organization", "position", "name"]

    def lock_first(self, row: FaqCategory) -> None:
        lock_knowledge(row.organization_id)
