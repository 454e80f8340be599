"""Pages of allauth at our addresses: no cache keeps them, and no address makes them fail."""

from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver

from crm.authentication.urls import allauth
from crm.organizations.models import Membership

PAGES = [
    "/login/",
    "/login/inactive/",
    "/login/with/cancelled/",
    "/login/with/error/",
    "/signup/",
    "/signup/with/",
    "/verify/",
    "/password/reset/",
    "/password/reset/sent/",
    "/confirm/",
    "/app/settings/email/",
    "/app/settings/security/",
]


@pytest.mark.parametrize("page", PAGES)
def test_no_page_is_kept_by_a_cache(client: Client, owner: Membership, page: str) -> None:
    answers = [client.get(page)]
    client.force_login(owner.user)
    answers.append(client.get(page))
    for answer in answers:
        assert answer.status_code < 500
        assert "no-store" in answer["Cache-Control"]


def test_every_view_says_so() -> None:
    def views(patterns: Any) -> list[Any]:
        found: list[Any] = []
        for each in patterns:
            if isinstance(each, URLResolver):
                found += views(each.url_patterns)
            elif isinstance(each, URLPattern):
                found.append(each.callback)
        return found

    found = views(allauth.urlpatterns)
    assert len(found) > 30
    assert all(getattr(view, "__wrapped__", None) for view in found)


@pytest.mark.parametrize("way", ["", "callback/"])
@pytest.mark.parametrize("provider", ["oidc/%00", "oidc/company%00", "%00", "google%00"])
@pytest.mark.usefixtures("db", "stores_clean")
def test_provider_with_a_null_character_is_none(client: Client, provider: str, way: str) -> None:
    for ask in (client.get, client.post):
        assert ask(f"/login/with/{provider}/login/{way}").status_code == 404
