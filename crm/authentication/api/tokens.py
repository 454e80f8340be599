"""Tokens for programs that act for a user: log in by password once, then refresh."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from crm.authentication.log_in import check_credentials, credentials_were_right
from crm.authentication.mfa import check_code
from crm.authentication.services.token_families import (
    Tokens,
    refresh_tokens,
    revoke_token,
    start_family,
)
from crm.core import ratelimit
from crm.core.api import Body, refuses
from crm.core.http.user_agent import Client
from crm.core.permissions.errors import NoOrganization
from crm.core.ratelimit.limiter import Subjects
from crm.core.store_errors import outage_refusals
from crm.organizations.errors import OrganizationNotYours
from crm.organizations.models import Membership, User
from crm.organizations.services.members import current_membership

_PRIVATE = {"Cache-Control": "no-store"}


class LogInBody(Body):
    email = serializers.EmailField(max_length=255)
    password = serializers.CharField(max_length=4096, trim_whitespace=False)
    otp = serializers.CharField(
        max_length=40,
        required=False,
        allow_blank=True,
        default="",
        help_text="Code of the authenticator app or a recovery code, with two-step verification.",
    )
    organization = serializers.UUIDField(
        required=False, help_text="As a member of which organization; absent, the oldest."
    )


class RefreshBody(Body):
    refresh_token = serializers.CharField(max_length=200)


class TokensSerializer(serializers.Serializer[Any]):
    """Lifetimes are in seconds. Each refresh token is valid once: the response holds
    the next one.
    """

    access_token = serializers.CharField()
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField()
    refresh_token = serializers.CharField()
    refresh_expires_in = serializers.IntegerField()
    organization = serializers.UUIDField()


class OpenView(APIView):
    """Views without authentication; cookies and keys of the request are ignored."""

    authentication_classes = []
    permission_classes = []
    limit_endpoint = "token"

    def limit_subjects(self, request: Request) -> Subjects:
        return {"address": ratelimit.client_address(request._request)}


@extend_schema(tags=["access"])
class LogInTokens(OpenView):
    @extend_schema(
        operation_id="tokens_create", request=LogInBody, responses={201: TokensSerializer}
    )
    @refuses(401, 403, 404)
    def post(self, request: Request) -> Response:
        """Log in a program for a user; all invalid credentials get the same error."""
        values = LogInBody.read(request)
        with outage_refusals():
            user, attempt = check_credentials(
                request._request, email=values["email"], password=values["password"], method="token"
            )
            shown_factor = check_code(user=user, code=values["otp"])
            credentials_were_right(user, attempt)
            membership = _membership(user, values.get("organization"))
            membership.check_second_factor()
            tokens = start_family(
                membership=membership,
                checked=user,
                shown_factor=shown_factor,
                client=Client.of(request._request),
            )
        return _answer(tokens, status=201)


@extend_schema(tags=["access"])
class Refresh(OpenView):
    @extend_schema(operation_id="tokens_refresh", request=RefreshBody, responses=TokensSerializer)
    @refuses(401, 403)
    def post(self, request: Request) -> Response:
        """Exchange a refresh token for new tokens, once."""
        values = RefreshBody.read(request)
        with outage_refusals():
            tokens = refresh_tokens(
                refresh_token=values["refresh_token"], client=Client.of(request._request)
            )
        return _answer(tokens, status=200)


@extend_schema(tags=["access"])
class Revoke(OpenView):
    @extend_schema(
        operation_id="tokens_revoke",
        request=RefreshBody,
        responses={204: OpenApiResponse(description="It opens nothing any more.")},
    )
    def post(self, request: Request) -> Response:
        """End a log-in: its refresh token, its access tokens and its sockets."""
        values = RefreshBody.read(request)
        with outage_refusals():
            revoke_token(refresh_token=values["refresh_token"])
        return Response(status=204, headers=_PRIVATE)


def _membership(user: User, organization_id: Any) -> Membership:
    chosen = None if organization_id is None else str(organization_id)
    membership = current_membership(user=user, organization_id=chosen, granted_at=timezone.now())
    if membership is None:
        raise NoOrganization
    if chosen is not None and str(membership.organization_id) != chosen:
        raise OrganizationNotYours
    return membership


def _answer(tokens: Tokens, *, status: int) -> Response:
    return Response(
        {
            "access_token": tokens.access_token,
            "token_type": "Bearer",
            "expires_in": tokens.expires_in,
            "refresh_token": tokens.refresh_token,
            "refresh_expires_in": tokens.refresh_expires_in,
            "organization": str(tokens.family.organization_id),
        },
        status=status,
        headers=_PRIVATE,
    )
