"""Customers and companies over HTTP."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import URLPattern
from rest_framework import serializers

from crm.core.api import Body
from crm.core.fields import MomentField, PhoneField
from crm.core.records import get_record
from crm.core.records.api import RecordListQuery, orders_of
from crm.core.records.api_views import record_api_urls
from crm.core.records.operators import IN
from crm.customers.models import Customer, Stage
from crm.organizations.models import Language

_COMPANY: Any = get_record("customers").field("company_id")


class CustomerSerializer(serializers.ModelSerializer[Customer]):
    # Not of the form of an address where it is empty.
    email = serializers.CharField()
    language = serializers.CharField(source="language_code")
    company_id = _COMPANY.api_field(is_body=False)

    class Meta:
        model = Customer
        fields = [
            "id",
            "name",
            "display_name",
            "email",
            "phone",
            "company_id",
            "job_title",
            "language",
            "stage",
            "claimed",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class CustomerBody(Body):
    name = serializers.CharField(max_length=255, allow_blank=True, required=False)
    email = serializers.EmailField(max_length=255, allow_blank=True, required=False)
    phone = PhoneField(required=False)
    company_id = serializers.UUIDField(required=False, allow_null=True)
    job_title = serializers.CharField(max_length=120, allow_blank=True, required=False)
    language = serializers.ChoiceField(
        choices=Language.choices, allow_blank=True, required=False, source="language_code"
    )
    stage = serializers.ChoiceField(choices=Stage.choices, required=False)


class CustomerListQuery(RecordListQuery):
    record = get_record("customers")
    name = "customers"
    lookups = {
        "stage": "stage",
        "email": "email",
        "language": "language_code",
        "created_at__gte": "created_at__gte",
        "created_at__lt": "created_at__lt",
        "updated_at__gte": "updated_at__gte",
        "updated_at__lt": "updated_at__lt",
    }

    ordering = orders_of(record)
    stage = serializers.ChoiceField(choices=Stage.choices, required=False)
    email = serializers.CharField(max_length=255, required=False)
    company_id = serializers.UUIDField(required=False)
    language = serializers.ChoiceField(choices=Language.choices, required=False)
    created_at__gte = MomentField(required=False)
    created_at__lt = MomentField(required=False)
    updated_at__gte = MomentField(required=False)
    updated_at__lt = MomentField(required=False)

    def filter_company_id(self, queryset: QuerySet[Any], company_id: UUID) -> QuerySet[Any]:
        """Return the rows of a company that the reader may see."""
        return queryset.filter(_COMPANY.q(IN, [str(company_id)], self.context["reader"]))


def customer_api_urls() -> list[URLPattern]:
    """Return the paths of customers."""
    return record_api_urls(
        CustomerListQuery.record,
        path="api/v1/customers",
        names=("customers", "customer"),
        serializer=CustomerSerializer,
        body=CustomerBody,
        query=CustomerListQuery,
        create_example={"name": "Minh Tran", "email": "minh@example.com", "language": "vi"},
        update_example={"phone": "+84 24 1234 5678"},
    )


def company_api_urls() -> list[URLPattern]:
    """Return the paths of companies."""
    return record_api_urls(
        get_record("companies"),
        path="api/v1/companies",
        names=("api_companies", "api_company"),
        create_example={
            "name": "Sen Trang Hotels",
            "domain": "https://www.sentrang.example",
            "tax_code": "0401234567",
            "address": "12 Bạch Đằng\nĐà Nẵng",
        },
        update_example={"phone": "+84 236 555 0101"},
    )
