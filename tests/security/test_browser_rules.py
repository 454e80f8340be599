"""What every answer tells browsers, and what production's cookies are like."""

import http.cookies
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher
from django.test import Client

from chat.models import Conversation, Widget
from crm.organizations.models import Membership
from tests.conftest import PASSWORD
from tests.deploy.test_together import collected
from tests.servers import LiveServer, serving

__all__ = ["collected"]

SHOP = "https://shop.example"
PATHS = [
    "/login/",
    "/signup/",
    "/app/inbox/",
    "/app/settings/audit/",
    "/admin/",
    "/demo/",
    "/nothing/",
    "/api/docs/",
    "/api/v1/openapi.json",
    "/api/v1/me",
    "/api/v1/conversations",
    "/api/v1/nothing",
    "/widget/loader.js",
    "/widget/settings.js?site_key={key}&origin=https://shop.example",
    "/widget/frame/?site_key={key}&origin=https://shop.example",
    "/static/app/settings.css",
]
NEVER = {"unsafe-inline", "unsafe-eval", "*"}


def policy_of(answer: httpx.Response) -> dict[str, list[str]]:
    found = answer.headers["Content-Security-Policy"]
    directives = [each.split() for each in found.split(";") if each.strip()]
    return {name: values for name, *values in directives}


@pytest.mark.django_db(transaction=True)
def test_every_answer_has_its_headers(
    web_server: LiveServer, widget: Widget, owner: Membership
) -> None:
    browser = Client()
    browser.force_login(owner.user)
    session = {"sessionid": browser.cookies["sessionid"].value}
    for cookies in ({}, session):
        with httpx.Client(base_url=web_server.base_url, cookies=cookies, timeout=30) as client:
            for path in PATHS:
                answer = client.get(
                    path.format(key=widget.site_key), headers={"Origin": "https://evil.example"}
                )
                assert answer.status_code < 500, path
                assert answer.headers["X-Content-Type-Options"] == "nosniff", path
                # No page of another origin reads anything of ours, with or without its cookies.
                shared = answer.headers.get("Access-Control-Allow-Origin")
                assert shared is None or path.startswith("/static/"), path
                assert "Access-Control-Allow-Credentials" not in answer.headers, path
                if path.startswith("/static/"):
                    continue
                policy = policy_of(answer)
                assert policy["object-src"] == ["'none'"], path
                assert policy["base-uri"] == ["'none'"], path
                # The operator's admin alone, for what unfold's own scripts need (ADR 0014).
                needed = {"unsafe-eval"} if path.startswith("/admin/") else set()
                scripts = {value.strip("'") for value in policy["script-src"]}
                assert NEVER & scripts <= needed, path
                if path.startswith("/widget/frame/"):
                    assert SHOP in policy["frame-ancestors"]
                else:
                    assert policy["frame-ancestors"] == ["'none'"], path


@pytest.mark.django_db(transaction=True)
def test_no_other_origin_is_allowed_to_ask_first(
    web_server: LiveServer, conversation: Conversation
) -> None:
    """Whether a page of elsewhere may send JSON, a browser asks first; nobody says that it may."""
    asked = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type, authorization",
    }
    with httpx.Client(base_url=web_server.base_url, timeout=30) as client:
        for path in (f"/api/v1/conversations/{conversation.pk}/close", "/api/v1/auth/tokens"):
            answer = client.options(path, headers=asked)
            names = {name.lower() for name in answer.headers}
            assert not {name for name in names if name.startswith("access-control")}


@pytest.mark.django_db(transaction=True)
def test_production_s_cookies_are_bound_to_the_host_and_to_tls(
    collected: Path, agent: Membership, stores_clean: None, tmp_path: Path
) -> None:
    hasher = BCryptSHA256PasswordHasher()
    agent.user.password = hasher.encode(PASSWORD, hasher.salt())
    agent.user.save(update_fields=["password"])
    production: dict[str, Any] = {
        "DJANGO_SETTINGS_MODULE": "config.settings.prod",
        "SECRET_KEY": "a-key-that-signs-nothing-outside-of-this-test-run-of-ours",
        "ALLOWED_HOSTS": "crm.example",
        "CSRF_TRUSTED_ORIGINS": "https://crm.example",
        "STATIC_ROOT": str(collected),
        "REDIS_URL": settings.REDIS_URL,
        "DB_MONGODB_NAME": settings.MONGODB_NAME,
    }
    # As the proxy that ends TLS tells it.
    told = {"Host": "crm.example", "X-Forwarded-Proto": "https", "Origin": "https://crm.example"}
    given: dict[str, http.cookies.Morsel[str]] = {}
    with (
        serving(tmp_path, flags=("--proxy-headers",), **production) as server,
        httpx.Client(base_url=server.base_url, timeout=30) as client,
    ):

        def ask(method: str, path: str, **options: Any) -> httpx.Response:
            # The client would keep these cookies for TLS alone, which ends before this server.
            carried = "; ".join(f"{name}={each.value}" for name, each in given.items())
            answer = client.request(method, path, headers={**told, "Cookie": carried}, **options)
            client.cookies.clear()
            for line in answer.headers.get_list("set-cookie"):
                given.update(http.cookies.SimpleCookie(line))
            return answer

        plain = client.get("/login/", headers={"Host": "crm.example"})
        assert (plain.status_code, plain.headers["location"]) == (301, "https://crm.example/login/")
        page = ask("GET", "/login/")
        assert "max-age=31536000" in page.headers["Strict-Transport-Security"]
        assert "includeSubDomains" in page.headers["Strict-Transport-Security"]
        hidden = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert hidden is not None
        token = {"csrfmiddlewaretoken": hidden[1]}
        # Puts a message on the next page, too.
        ask("POST", "/account/language/", data={**token, "language": "vi", "next": "/login/"})
        entered = ask(
            "POST", "/login/", data={**token, "email": agent.user.email, "password": PASSWORD}
        )
        assert (entered.status_code, entered.headers["location"]) == (302, "/app/inbox/")
        assert ask("GET", "/app/inbox/").status_code == 200
    assert {"__Host-sessionid", "__Host-csrftoken", "__Host-language"} <= set(given)
    for name, cookie in given.items():
        assert name.startswith("__Host-"), name
        assert cookie["secure"], name
        assert (cookie["path"], cookie["domain"]) == ("/", ""), name
        assert cookie["samesite"] == "Lax", name
        assert len(name) + len(cookie.value) < 4096, name
    assert given["__Host-sessionid"]["httponly"]


def test_what_the_api_tells_somebody_is_kept_by_nobody_in_between(agent: Membership) -> None:
    client = Client()
    client.force_login(agent.user)
    for path in ("/api/v1/me", "/api/v1/customers", "/api/v1/conversations", "/api/v1/nothing"):
        kept = client.get(path)["Cache-Control"]
        assert "private" in kept, path
        assert "no-cache" in kept, path
    assert "public" in client.get("/api/v1/openapi.json")["Cache-Control"]
