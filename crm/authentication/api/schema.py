"""OpenAPI security schemes of keys, tokens and sessions."""

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema


class ApiKeyScheme(OpenApiAuthenticationExtension):
    target_class = "crm.authentication.api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "nf_live_…",
            "description": "An API key, made in the settings: it acts for the organization.",
        }


class AccessTokenScheme(OpenApiAuthenticationExtension):
    target_class = "crm.authentication.api.authentication.AccessTokenAuthentication"
    name = "accessToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A person's access token, given by `POST /api/v1/auth/tokens`.",
        }


class SessionScheme(OpenApiAuthenticationExtension):
    target_class = "crm.authentication.api.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "The session of the CRM's own pages, with their CSRF token.",
        }
