from django.urls import path

from crm.accounts.api import keys, people, tokens

urlpatterns = [
    path("api/v1/auth/tokens", tokens.LogInTokens.as_view(), name="tokens"),
    path("api/v1/auth/tokens/refresh", tokens.Refresh.as_view(), name="refresh_tokens"),
    path("api/v1/auth/tokens/revoke", tokens.Revoke.as_view(), name="revoke_tokens"),
    path("api/v1/api-keys", keys.ApiKeys.as_view(), name="api_keys"),
    path("api/v1/api-keys/<uuid:key_id>", keys.ApiKeyDetail.as_view(), name="api_key"),
    path(
        "api/v1/api-keys/<uuid:key_id>/rotate",
        keys.ApiKeyRotation.as_view(),
        name="rotate_api_key",
    ),
    path("api/v1/me", people.Me.as_view(), name="me"),
    path("api/v1/organization", people.OrganizationDetail.as_view(), name="api_organization"),
    path("api/v1/members", people.Members.as_view(), name="members"),
    path("api/v1/members/<uuid:member_id>", people.MemberDetail.as_view(), name="member"),
]
