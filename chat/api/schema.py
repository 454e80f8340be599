"""OpenAPI security scheme of visitor tokens."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema


class VisitorScheme(OpenApiAuthenticationExtension):
    target_class = "chat.api.authentication.VisitorAuthentication"
    name = "visitorToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A visitor's token, given by `POST /api/v1/widget/sessions`.",
        }
