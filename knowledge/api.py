"""FAQs over HTTP."""

from uuid import UUID

from django.urls import reverse
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
    TotalSerializer,
    orders_of,
    record_list_response,
)
from crm.organizations.models import Language
from knowledge.errors import CategoryNotFound, FaqNotFound
from knowledge.models import (
    ANSWER_LENGTH,
    MAX_PHRASINGS,
    NAME_LENGTH,
    QUESTION_LENGTH,
    Faq,
    FaqCategory,
)
from knowledge.services import (
    FaqContent,
    create_category,
    create_faq,
    delete_category,
    delete_faq,
    rename_category,
    update_faq,
)


class FaqSerializer(serializers.ModelSerializer[Faq]):
    language = serializers.CharField(source="language_code")
    category_id = serializers.UUIDField(allow_null=True)
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


class FaqView(ModuleView):
    area = Module.KNOWLEDGE


@extend_schema(tags=["knowledge"])
class Faqs(FaqView):
    @extend_schema(
        operation_id="faqs_list",
        parameters=[FaqListQuery],
        responses=page_of(FaqSerializer, total=TotalSerializer(required=False)),
    )
    def get(self, request: Request) -> Response:
        """List FAQs, the latest change first."""
        return record_list_response(request, FaqListQuery, self.principal, FaqSerializer)

    @extend_schema(
        operation_id="faqs_create",
        request=FaqBody,
        responses={201: FaqSerializer},
        examples=example(
            {
                "question": "How long does delivery take?",
                "answer": "Three working days within the country.",
                "language": "en",
                "phrasings": ["When will my parcel arrive?"],
            }
        ),
    )
    @idempotent
    @refuses(404, 409)
    def post(self, request: Request) -> Response:
        """Add a FAQ; the bot finds it a moment later (`is_indexed`)."""
        faq = create_faq(
            organization_id=self.principal.organization_id,
            content=FaqContent(**FaqBody.read(request)),
            by=self.principal,
        )
        return created_response(
            FaqSerializer(faq).data, of=faq, location=reverse("knowledge:api_faq", args=[faq.pk])
        )


@extend_schema(tags=["knowledge"])
class FaqDetail(FaqView):
    is_versioned = True

    @extend_schema(operation_id="faqs_get", parameters=[RecordQuery], responses=FaqSerializer)
    def get(self, request: Request, faq_id: UUID) -> Response:
        """Return one FAQ."""
        faq = self._visible(faq_id)
        return record_response(request, FaqSerializer(faq).data, of=faq)

    @extend_schema(
        operation_id="faqs_update",
        request=FaqBody,
        responses=FaqSerializer,
        examples=example({"answer": "Two working days within the country."}),
    )
    @refuses(409)
    def patch(self, request: Request, faq_id: UUID) -> Response:
        """Change the members that are sent."""
        faq = update_faq(
            organization_id=self.principal.organization_id,
            faq_id=faq_id,
            content=FaqBody.read(request, partial=True),
            by=self.principal,
            version=expected_version(request),
        )
        return Response(FaqSerializer(faq).data, headers=etag_headers(faq))

    @extend_schema(operation_id="faqs_delete", request=None, responses={204: None})
    def delete(self, request: Request, faq_id: UUID) -> Response:
        """Delete a FAQ; it can be restored for a while."""
        delete_faq(
            organization_id=self.principal.organization_id,
            faq_id=faq_id,
            by=self.principal,
            version=expected_version(request),
        )
        return Response(status=204)

    def _visible(self, faq_id: UUID) -> Faq:
        faq = Faq.objects.visible_to(self.principal).filter(pk=faq_id).first()
        if faq is None:
            raise FaqNotFound
        return faq


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
class Categories(FaqView):
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
            organization_id=self.principal.organization_id,
            by=self.principal,
            **CategoryBody.read(request),
        )
        location = reverse("knowledge:api_category", args=[category.pk])
        return created_response(CategorySerializer(category).data, of=category, location=location)


@extend_schema(tags=["knowledge"])
class CategoryDetail(FaqView):
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
            organization_id=self.principal.organization_id,
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
            organization_id=self.principal.organization_id,
            category_id=category_id,
            by=self.principal,
            version=expected_version(request),
        )
        return Response(status=204)
