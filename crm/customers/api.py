"""Customers over HTTP."""

from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.core.api import (
    Body,
    RecordQuery,
    created_response,
    etag_headers,
    example,
    expected_version,
    page_of,
    record_response,
)
from crm.core.api.idempotency import idempotent
from crm.core.api.module_view import ModuleView
from crm.core.fields import MomentField, PhoneField
from crm.core.permissions import Module
from crm.core.records import get_record
from crm.core.records.api import (
    RecordListQuery,
    TotalSerializer,
    orders_of,
    record_list_response,
)
from crm.customers.errors import CustomerNotFound
from crm.customers.models import Customer, Stage
from crm.customers.services import create_customer, update_customer
from crm.organizations.models import Language


class CustomerSerializer(serializers.ModelSerializer[Customer]):
    # Not of the form of an address where it is empty.
    email = serializers.CharField()
    language = serializers.CharField(source="language_code")

    class Meta:
        model = Customer
        fields = [
            "id",
            "name",
            "display_name",
            "email",
            "phone",
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
    language = serializers.ChoiceField(choices=Language.choices, required=False)
    created_at__gte = MomentField(required=False)
    created_at__lt = MomentField(required=False)
    updated_at__gte = MomentField(required=False)
    updated_at__lt = MomentField(required=False)


@extend_schema(tags=["customers"])
class Customers(ModuleView):
    area = Module.CUSTOMERS

    @extend_schema(
        operation_id="customers_list",
        parameters=[CustomerListQuery],
        responses=page_of(CustomerSerializer, total=TotalSerializer(required=False)),
    )
    def get(self, request: Request) -> Response:
        """List the customers that you may see."""
        return record_list_response(request, CustomerListQuery, self.principal, CustomerSerializer)

    @extend_schema(
        operation_id="customers_create",
        request=CustomerBody,
        responses={201: CustomerSerializer},
        examples=example({"name": "Minh Tran", "email": "minh@example.com", "language": "vi"}),
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Add a customer."""
        customer = create_customer(by=self.principal, **CustomerBody.read(request))
        location = reverse("customers:customer", args=[customer.pk])
        return created_response(CustomerSerializer(customer).data, of=customer, location=location)


@extend_schema(tags=["customers"])
class CustomerDetail(ModuleView):
    area = Module.CUSTOMERS
    is_versioned = True

    @extend_schema(
        operation_id="customers_get", parameters=[RecordQuery], responses=CustomerSerializer
    )
    def get(self, request: Request, customer_id: UUID) -> Response:
        """Return one customer."""
        customer = self._visible(customer_id)
        return record_response(request, CustomerSerializer(customer).data, of=customer)

    @extend_schema(
        operation_id="customers_update",
        request=CustomerBody,
        responses=CustomerSerializer,
        examples=example({"phone": "+84 24 1234 5678"}),
    )
    def patch(self, request: Request, customer_id: UUID) -> Response:
        """Change the members that are sent."""
        changes = CustomerBody.read(request, partial=True)
        customer = update_customer(
            customer_id=customer_id,
            by=self.principal,
            version=expected_version(request),
            **changes,
        )
        return Response(CustomerSerializer(customer).data, headers=etag_headers(customer))

    def _visible(self, customer_id: UUID) -> Customer:
        customer = Customer.objects.visible_to(self.principal).filter(pk=customer_id).first()
        if customer is None:
            raise CustomerNotFound
        return customer
