from django.urls import path

from chat.views import identity

_settings = "app/settings/visitor-identity"

urlpatterns = [
    path(f"{_settings}/", identity.visitor_identity, name="visitor_identity"),
    path(
        f"{_settings}/widgets/<uuid:widget_id>/secrets/",
        identity.add_secret,
        name="add_identity_secret",
    ),
    path(
        f"{_settings}/secrets/<uuid:secret_id>/end/",
        identity.end_secret,
        name="end_identity_secret",
    ),
]
