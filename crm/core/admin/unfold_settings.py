"""Settings of django-unfold: names, menu, languages. All static files are served from here."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


def language_action(request: HttpRequest) -> str:
    return reverse("authentication:set_language")


def account_link(request: HttpRequest) -> str:
    return reverse("account_change_password")


def style(request: HttpRequest) -> str:
    return static("console/console.css")


def font(request: HttpRequest) -> str:
    return static("app/font.css")


def icon(request: HttpRequest) -> str:
    return static("app/mark.svg")


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "NextFlow",
    "SITE_HEADER": "NextFlow",
    "SITE_SUBHEADER": _("Operator's admin"),
    "SITE_URL": "/",
    "SITE_ICON": {"light": icon, "dark": icon},
    "SITE_FAVICONS": [{"rel": "icon", "href": icon, "type": "image/svg+xml"}],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "SHOW_BACK_BUTTON": True,
    "LANGUAGES": {"action": "crm.core.admin.unfold_settings.language_action", "navigation": []},
    "ACCOUNT": {"navigation": [{"title": _("Change password"), "link": account_link}]},
    "STYLES": [font, style],
    "SIDEBAR": {
        "show_search": False,
        "command_search": False,
        "show_all_applications": False,
        "navigation": "crm.core.admin.navigation.navigation",
    },
    "DASHBOARD_CALLBACK": "crm.operations.overview.overview_context",
}
