"""The principal, the organization and its members over HTTP."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from crm.core.api import (
    Body,
    ListQuery,
    RecordQuery,
    etag_headers,
    example,
    expected_version,
    list_response,
    ordering_field,
    page_of,
    record_response,
)
from crm.core.api.module_view import IsMember, ModuleView
from crm.core.errors import Forbidden
from crm.core.fields import PhoneField
from crm.core.money import CURRENCIES
from crm.core.permissions import READ, WRITE, Module, Principal, require
from crm.core.timezones import validate_zone
from crm.organizations.access import membership_of
from crm.organizations.errors import MemberNotFound
from crm.organizations.models import Language, Membership, Organization, Role, User
from crm.organizations.models.membership import MembershipQuerySet
from crm.organizations.services.members import update_profile
from crm.organizations.services.organizations import update_organization


class OrganizationSerializer(serializers.ModelSerializer[Organization]):
    language = serializers.CharField(source="language_code")

    class Meta:
        model = Organization
        fields = [
            "id",
            "name",
            "slug",
            "language",
            "timezone",
            "currency",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class OrganizationBody(Body):
    name = serializers.CharField(max_length=255, required=False)
    language = serializers.ChoiceField(
        choices=Language.choices, required=False, source="language_code"
    )
    timezone = serializers.CharField(max_length=50, validators=[validate_zone], required=False)
    currency = serializers.ChoiceField(choices=CURRENCIES, required=False)


class MemberSerializer(serializers.ModelSerializer[Membership]):
    user_id = serializers.UUIDField()
    name = serializers.CharField(source="shown_name")
    email = serializers.EmailField(source="shown_email")
    role = serializers.CharField(
        source="built_in_role",
        allow_null=True,
        help_text="null for a role of your own, which `role_name` tells.",
    )
    role_name = serializers.CharField()

    class Meta:
        model = Membership
        fields = ["id", "user_id", "name", "email", "role", "role_name", "is_active", "created_at"]
        read_only_fields = fields


class MemberListQuery(ListQuery):
    name = "members"
    lookups = {"is_active": "is_active", "user_id": "user_id"}

    ordering = ordering_field("created_at", "-created_at")
    role = serializers.ChoiceField(choices=Role.choices, required=False)
    is_active = serializers.BooleanField(required=False)
    user_id = serializers.UUIDField(required=False)

    def filter_role(self, queryset: MembershipQuerySet, value: str) -> MembershipQuerySet:
        return queryset.filter(role=value, custom_role__isnull=True)


class MeSerializer(serializers.Serializer[Any]):
    """``user`` is null for an API key."""

    class Person(serializers.Serializer[Any]):
        id = serializers.UUIDField()
        name = serializers.CharField()
        email = serializers.EmailField()
        phone = serializers.CharField(allow_blank=True)
        language = serializers.CharField(source="language_code")
        timezone = serializers.CharField()

        class Meta:
            ref_name = "Person"

    user = Person(allow_null=True)
    organization = OrganizationSerializer()
    role = serializers.CharField(
        allow_null=True, help_text="null for an API key, and for a role of the organization's own."
    )
    rights = serializers.DictField(
        child=serializers.DictField(child=serializers.CharField()),
        help_text="By area: how far one may `read` and `write` (none, own, team or all).",
    )


class MeBody(Body):
    name = serializers.CharField(max_length=255, required=False)
    phone = PhoneField(required=False)
    language = serializers.ChoiceField(
        choices=Language.choices, required=False, source="language_code"
    )
    timezone = serializers.CharField(max_length=50, validators=[validate_zone], required=False)


@extend_schema(tags=["organization"])
class Me(APIView):
    permission_classes = [IsMember]
    is_versioned = True

    @extend_schema(operation_id="me_get", parameters=[RecordQuery], responses=MeSerializer)
    def get(self, request: Request) -> Response:
        """Return the principal of this request and its permissions."""
        principal = membership_of(request)
        user = principal.user
        return record_response(request, self._record(principal, user), of=user)

    @extend_schema(
        operation_id="me_update",
        request=MeBody,
        responses=MeSerializer,
        examples=example({"language": "vi", "timezone": "Asia/Ho_Chi_Minh"}),
    )
    def patch(self, request: Request) -> Response:
        """Change the members of your profile that are sent; the `ETag` is that of the profile."""
        principal = membership_of(request)
        user = principal.user
        if user is None:
            raise Forbidden
        changed = update_profile(
            user_id=user.pk, version=expected_version(request), **MeBody.read(request)
        )
        return Response(self._record(principal, changed), headers=etag_headers(changed))

    @staticmethod
    def _record(principal: Principal, user: User | None) -> dict[str, Any]:
        record: dict[str, Any] = MeSerializer(
            {
                "user": user,
                "organization": _organization(principal),
                "role": getattr(principal, "built_in_role", None),
                "rights": {
                    area.value: {
                        action.value: principal.level(area, action).key for action in (READ, WRITE)
                    }
                    for area in Module
                },
            }
        ).data
        return record


@extend_schema(tags=["organization"])
class OrganizationDetail(ModuleView):
    area = Module.SETTINGS
    is_versioned = True

    @extend_schema(
        operation_id="organization_get", parameters=[RecordQuery], responses=OrganizationSerializer
    )
    def get(self, request: Request) -> Response:
        """Return the organization that this request runs in."""
        organization = _organization(self.principal)
        return record_response(request, OrganizationSerializer(organization).data, of=organization)

    @extend_schema(
        operation_id="organization_update",
        request=OrganizationBody,
        responses=OrganizationSerializer,
        examples=example({"timezone": "Asia/Ho_Chi_Minh"}),
    )
    def patch(self, request: Request) -> Response:
        """Change the members that are sent."""
        organization = update_organization(
            organization_id=self.principal.organization_id,
            version=expected_version(request),
            **OrganizationBody.read(request),
        )
        return Response(
            OrganizationSerializer(organization).data, headers=etag_headers(organization)
        )


@extend_schema(tags=["organization"])
class Members(APIView):
    permission_classes = [IsMember]

    @extend_schema(
        operation_id="members_list",
        parameters=[MemberListQuery],
        responses=page_of(MemberSerializer),
    )
    def get(self, request: Request) -> Response:
        """List the members of the organization, including deactivated ones."""
        return list_response(
            request, MemberListQuery, _members(membership_of(request)), MemberSerializer
        )


@extend_schema(tags=["organization"])
class MemberDetail(APIView):
    permission_classes = [IsMember]
    is_versioned = True

    @extend_schema(operation_id="members_get", parameters=[RecordQuery], responses=MemberSerializer)
    def get(self, request: Request, member_id: UUID) -> Response:
        """Return one member."""
        member = _members(membership_of(request)).filter(pk=member_id).first()
        if member is None:
            raise MemberNotFound
        return record_response(request, MemberSerializer(member).data, of=member)


def _organization(principal: Principal) -> Organization:
    return Organization.objects.get(pk=principal.organization_id)


def _members(principal: Principal) -> MembershipQuerySet:
    if principal.user_id is None:
        # People know each other; a key learns their addresses only where it was given the right.
        require(principal, Module.SETTINGS)
    return Membership.objects.in_organization(principal.organization_id).select_related(
        "user", "custom_role"
    )
