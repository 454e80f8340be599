from django.urls import path

from crm.accounts.views import access as pages

_key = "app/settings/api-keys/<uuid:key_id>"

urlpatterns = [
    path("app/settings/sessions/", pages.sessions, name="sessions"),
    path("app/settings/sessions/end/", pages.end_all_others, name="end_all_others"),
    path("app/settings/sessions/<uuid:session_id>/end/", pages.end_session, name="end_session"),
    path("app/settings/programs/<uuid:family_id>/end/", pages.end_family, name="end_family"),
    path("app/settings/log-in-rules/", pages.log_in_rules, name="log_in_rules"),
    path("app/settings/api-keys/", pages.api_keys, name="api_keys_page"),
    path(f"{_key}/rotate/", pages.rotate_key, name="rotate_api_key_page"),
    path(f"{_key}/revoke/", pages.end_key, name="end_api_key"),
    path(f"{_key}/secrets/<uuid:secret_id>/revoke/", pages.end_secret, name="end_api_secret"),
]
