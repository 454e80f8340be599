"""`next` leads to a path of this host or nowhere: one rule for every page that follows one."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, RequestFactory
from django.urls import reverse

from crm.core.http.redirects import is_local, local_target
from crm.core.ids import uuid7
from crm.organizations.models import Membership, User
from tests.conftest import PASSWORD

OURS = ["/", "/app/inbox/", "/app/inbox/?box=mine&status=open#top", "/a%20b/", "/%2F%2Fx/"]
OTHERS = [
    "",
    "abc",
    "abc/def",
    "../admin/",
    "?next=/",
    "#top",
    "chat:inbox",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    " /app/inbox/",
    "https://evil.example/",
    "https:evil.example",
    "http://[",
    "http://testserver@evil.example/",
    "javascript:alert(1)",
    "/\x00",
    "/a\x7fb",
    "/\u202egnp.exe",
    "/\ud800",
    "/" + "x" * 100_000,
]


@pytest.mark.parametrize("target", OURS)
def test_a_path_of_this_host_is_followed(target: str) -> None:
    request = RequestFactory().get("/")
    assert local_target(request, target, "/default/") == target
    assert is_local(request, f"http://testserver{target}")


@pytest.mark.parametrize("target", OTHERS)
def test_anything_else_is_not(target: str) -> None:
    assert local_target(RequestFactory().get("/"), target, "/default/") == "/default/"


def test_a_page_with_tls_leads_to_none_without() -> None:
    request = RequestFactory().get("/", secure=True)
    assert not is_local(request, "http://testserver/app/")
    assert is_local(request, "https://testserver/app/")


@pytest.mark.django_db
@pytest.mark.parametrize("target", [*OURS, *(each for each in OTHERS if each != "/\ud800")])
def test_no_next_gives_a_server_error(agent: Membership, target: str) -> None:
    """`next=abc` was taken for the name of a view that there is not."""
    client = Client()
    expected = target if target in OURS else "/app/inbox/"
    language = client.post(
        reverse("authentication:set_language"), {"language": "vi", "next": target}
    )
    assert (language.status_code, language["Location"]) == (302, expected)
    assert client.get(reverse("authentication:log_in"), {"next": target}).status_code == 200
    form = {"email": agent.user.email, "password": PASSWORD, "next": target}
    entered = client.post(reverse("authentication:log_in"), form)
    assert (entered.status_code, entered["Location"]) == (302, expected)
    again = client.get(reverse("authentication:log_in"), {"next": target})
    assert (again.status_code, again["Location"]) == (302, expected)
    zone = client.post(reverse("authentication:set_timezone"), {"timezone": "UTC", "next": target})
    assert (zone.status_code, zone["Location"]) == (302, expected)


@pytest.mark.django_db
@pytest.mark.parametrize("target", [*OURS, *(each for each in OTHERS if each != "/\ud800")])
def test_no_way_back_gives_a_server_error(client: Client, agent: Membership, target: str) -> None:
    """Neither the one of the button that undoes, nor the one of a log-in with an old token."""
    expected = target if target in OURS else "/app/inbox/"
    client.force_login(agent.user)
    undone = client.post(reverse("core:undo", args=[uuid7()]), {"back": target})
    assert (undone.status_code, undone["Location"]) == (302, expected)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    stale = strict.post(reverse("authentication:log_in"), {"next": target})
    assert (stale.status_code, stale["Location"]) == (302, expected)


def test_the_rule_about_redirects_stands_in_one_place() -> None:
    root = Path(settings.BASE_DIR)
    packages = ("chat", "config", "crm", "knowledge")
    found = [
        path.relative_to(root).as_posix()
        for package in packages
        for path in (root / package).rglob("*.py")
        if "url_has_allowed_host_and_scheme" in path.read_text()
    ]
    assert found == ["crm/core/http/redirects.py"]


@pytest.mark.django_db
@pytest.mark.parametrize("target", ["abc", "//evil.example", "https://evil.example/"])
def test_the_admin_s_own_log_in_follows_the_same_rule(stores_clean: None, target: str) -> None:
    operator: Any = User.objects.create_superuser("root@example.com", PASSWORD, name="Root")
    client = Client()
    anonymous = client.get(reverse("admin:login"), {"next": target})
    assert anonymous["Location"] == "/login/?next=%2Fadmin%2F"
    client.force_login(operator)
    client.get(reverse("admin:index"))
    assert client.get(reverse("admin:login"), {"next": target})["Location"] == "/admin/"
