"""Pages of log-in and of the credentials in the settings, and the API of tokens and keys."""

from django.urls import path

from crm.authentication.api import keys, tokens
from crm.authentication.views import accept_invitation, kept_forms, login
from crm.authentication.views import access as settings

_key = "app/settings/api-keys/<uuid:key_id>"

app_name = "authentication"
urlpatterns = [
    path("login/", login.log_in_page, name="log_in"),
    path("logout/", login.log_out_now, name="log_out"),
    path("join/<str:token>/", accept_invitation.join, name="join"),
    path("account/no-organization/", login.no_organization, name="no_organization"),
    path("account/organization/", login.switch_organization, name="switch_organization"),
    path("account/impersonation/stop/", login.stop_impersonation, name="stop_impersonation"),
    path("account/kept-form/", kept_forms.kept_form, name="kept_form"),
    path("account/kept-form/<str:key>/", kept_forms.kept_form, name="one_kept_form"),
    path("account/language/", login.set_language, name="set_language"),
    path("account/timezone/", login.set_timezone, name="set_timezone"),
    path("app/settings/sessions/", settings.sessions, name="sessions"),
    path("app/settings/sessions/end/", settings.end_all_others, name="end_all_others"),
    path("app/settings/sessions/<uuid:session_id>/end/", settings.end_session, name="end_session"),
    path("app/settings/programs/<uuid:family_id>/end/", settings.end_family, name="end_family"),
    path("app/settings/log-in-rules/", settings.log_in_rules, name="log_in_rules"),
    path("app/settings/api-keys/", settings.api_keys, name="api_keys_page"),
    path(f"{_key}/rotate/", settings.rotate_key, name="rotate_api_key_page"),
    path(f"{_key}/revoke/", settings.end_key, name="end_api_key"),
    path(f"{_key}/secrets/<uuid:secret_id>/revoke/", settings.end_secret, name="end_api_secret"),
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
]
