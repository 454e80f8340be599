"""FAQs over HTTP."""

from typing import Any
from uuid import UUID

from django.urls import URLPattern, reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.core.api import (
    Body,
    ListQuery,
    RecordQuery,
    created_response,
    etag_headers,
    example,
    expected_version,
    list_response,
    ordering_field,
    page_of,
    prose_field,
    record_response,
    refuses,
)
from crm.core.api.idempotency import idempotent
from crm.core.api.module_view import ModuleView
from crm.core.fields import MomentField
from crm.core.permissions import Module
from crm.core.records import get_record
from crm.core.records.api import (
    RecordListQuery,
    orders_of,
)
from crm.core.records.api_views import record_api_urls
from crm.organizations.models import Language
from knowledge.errors import CategoryNotFound
from knowledge.models import (
    ANSWER_LENGTH,
    MAX_PHRASINGS,
    NAME_LENGTH,
    QUESTION_LENGTH,
    Faq,
    FaqCategory,
)
from knowledge.services import (
    create_category,
    delete_category,
    rename_category,
)

_CATEGORY: Any = get_record("faqs").field("category_id")


class FaqSerializer(serializers.ModelSerializer[Faq]):
    language = serializers.CharField(source="language_code")
    category_id = _CATEGORY.api_field(is_body=False)
    is_indexed = serializers.BooleanField(help_text="Whether the bot finds this version by now.")

    class Meta:
        model = Faq
        fields = [
            "id",
            "key",
            "language",
            "question",
            "answer",
            "phrasings",
            "category_id",
            "is_published",
            "is_indexed",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class FaqBody(Body):
    question = serializers.CharField(max_length=QUESTION_LENGTH)
    answer = prose_field(max_length=ANSWER_LENGTH)
    language = serializers.ChoiceField(choices=Language.choices, source="language_code")
    key = serializers.SlugField(
        max_length=80, required=False, help_text="Made from the question where it is not given."
    )
    category_id = serializers.UUIDField(required=False, allow_null=True)
    phrasings = serializers.ListField(
        child=serializers.CharField(max_length=QUESTION_LENGTH),
        max_length=MAX_PHRASINGS,
        required=False,
        help_text="Other ways to ask it.",
    )
    is_published = serializers.BooleanField(required=False)

    def validate_phrasings(self, phrasings: list[str]) -> tuple[str, ...]:
        return tuple(phrasings)


class FaqListQuery(RecordListQuery):
    record = get_record("faqs")
    name = "faqs"
    lookups = {
        "language": "language_code",
        "key": "key",
        "category_id": "category_id",
        "is_published": "is_published",
        "updated_at__gte": "updated_at__gte",
        "updated_at__lt": "updated_at__lt",
    }

    ordering = orders_of(record)
    language = serializers.ChoiceField(choices=Language.choices, required=False)
    key = serializers.SlugField(max_length=80, required=False)
    category_id = serializers.UUIDField(required=False)
    is_published = serializers.BooleanField(required=False)
    updated_at__gte = MomentField(required=False)
    updated_at__lt = MomentField(required=False)


def faq_api_urls() -> list[URLPattern]:
    """Return the paths of FAQs."""
    return record_api_urls(
        FaqListQuery.record,
        path="api/v1/knowledge/faqs",
        names=("api_faqs", "api_faq"),
        tag="knowledge",
        serializer=FaqSerializer,
        body=FaqBody,
        query=FaqListQuery,
        create_example={
            "question": "How long does delivery take?",
            "answer": "Three working days within the country.",
            "language": "en",
            "phrasings": ["When will my parcel arrive?"],
        },
        update_example={"answer": "Two working days within the country."},
    )


class CategoryView(ModuleView):
    area = Module.KNOWLEDGE


class CategorySerializer(serializers.ModelSerializer[FaqCategory]):
    key = serializers.CharField(source="slug", help_text="In the address of the help pages.")
    names = serializers.DictField(child=serializers.CharField())

    class Meta:
        model = FaqCategory
        fields = ["id", "key", "name", "names", "created_at", "updated_at"]
        read_only_fields = fields


class CategoryBody(Body):
    name = serializers.CharField(max_length=NAME_LENGTH)
    names = serializers.DictField(
        child=serializers.CharField(max_length=NAME_LENGTH, allow_blank=True),
        required=False,
        help_text="By language (`en`, `vi`, `ru`), all that there are. Help pages in a language "
        "without one show `name`.",
    )


class CategoryListQuery(ListQuery):
    name = "categories"

    ordering = ordering_field("name", "created_at")


@extend_schema(tags=["knowledge"])
class Categories(CategoryView):
    @extend_schema(
        operation_id="categories_list",
        parameters=[CategoryListQuery],
        responses=page_of(CategorySerializer),
    )
    def get(self, request: Request) -> Response:
        """List the categories of FAQs."""
        return list_response(
            request,
            CategoryListQuery,
            FaqCategory.objects.visible_to(self.principal),
            CategorySerializer,
        )

    @extend_schema(
        operation_id="categories_create",
        request=CategoryBody,
        responses={201: CategorySerializer},
        examples=example({"name": "Delivery", "names": {"vi": "Giao hàng", "ru": "Доставка"}}),
    )
    @idempotent
    @refuses(409)
    def post(self, request: Request) -> Response:
        """Add a category."""
        category = create_category(
            by=self.principal,
            **CategoryBody.read(request),
        )
        location = reverse("knowledge:api_category", args=[category.pk])
        return created_response(CategorySerializer(category).data, of=category, location=location)


@extend_schema(tags=["knowledge"])
class CategoryDetail(CategoryView):
    is_versioned = True

    @extend_schema(
        operation_id="categories_get", parameters=[RecordQuery], responses=CategorySerializer
    )
    def get(self, request: Request, category_id: UUID) -> Response:
        """Return one category."""
        category = FaqCategory.objects.visible_to(self.principal).filter(pk=category_id).first()
        if category is None:
            raise CategoryNotFound
        return record_response(request, CategorySerializer(category).data, of=category)

    @extend_schema(
        operation_id="categories_update",
        request=CategoryBody,
        responses=CategorySerializer,
        examples=example({"names": {"vi": "Vận chuyển"}}),
    )
    @refuses(409)
    def patch(self, request: Request, category_id: UUID) -> Response:
        """Change the name, or the names by language."""
        category = rename_category(
            category_id=category_id,
            by=self.principal,
            version=expected_version(request),
            **CategoryBody.read(request, partial=True),
        )
        return Response(CategorySerializer(category).data, headers=etag_headers(category))

    @extend_schema(operation_id="categories_delete", request=None, responses={204: None})
    def delete(self, request: Request, category_id: UUID) -> Response:
        """Delete a category; its FAQs stay, without a category."""
        delete_category(
            category_id=category_id,
            by=self.principal,
            version=expected_version(request),
        )
        return Response(status=204)
