"""What comes from outside as a file, and what of outside is fetched: neither, so far.

Whoever builds the first of either finds these tests in the way, and docs/security.md with them.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django import forms
from django.apps import apps
from django.conf import settings
from django.db import models
from django.urls import get_resolver
from rest_framework import serializers

from crm.organizations.models import Membership
from tests.chat.clients import cookie_of
from tests.patience import PATIENCE
from tests.servers import LiveServer

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = ("chat", "config", "crm", "knowledge")
# Modules that can ask another machine by HTTP.
CALLERS = {"aiohttp", "http.client", "httpx", "requests", "urllib3", "urllib.request"}
# Who uses one, and whom it asks: never an address that somebody of a tenant gave.
KNOWN = {
    "crm/authentication/allauth/adapters.py": "the providers that the operator named",
    "config/engines/qdrant_engine.py": "the embedded Qdrant beside us",
    "config/supervisor.py": "our own web server",
    "crm/operations/doctor/qdrant.py": "the Qdrant of the operator",
    "crm/operations/healthcheck.py": "our own web server",
}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for app in OURS:
        for path in sorted((ROOT / app).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def imported(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_nobody_fetches_an_address_that_somebody_gave() -> None:
    callers = {
        name
        for name, tree in sources()
        if any(
            each == known or each.startswith(f"{known}.")
            for each in imported(tree)
            for known in CALLERS
        )
    }
    assert callers == set(KNOWN)


def subclasses(kind: Any) -> Iterator[Any]:
    for each in kind.__subclasses__():
        yield each
        yield from subclasses(each)


def test_imports_alone_read_a_file_and_no_table_keeps_one() -> None:
    assert get_resolver().url_patterns, "Forms exist once the addresses are read."
    taking: list[Any] = []
    for form in subclasses(forms.BaseForm):
        if form.__module__.startswith(OURS):
            fields = getattr(form, "base_fields", {})
            taking += [form for field in fields.values() if isinstance(field, forms.FileField)]
    for body in subclasses(serializers.Serializer):
        if body.__module__.startswith(OURS):
            fields = getattr(body, "_declared_fields", {})
            taking += [
                body for field in fields.values() if isinstance(field, serializers.FileField)
            ]
    for model in apps.get_models():
        taking += [model for f in model._meta.get_fields() if isinstance(f, models.FileField)]
    # The file of an import of records, whole or in parts, by pages and over the API.
    reading = {"UploadForm", "PartForm", "ImportBody", "ImportPartBody"}
    assert {form.__name__ for form in taking} == reading
    assert settings.MEDIA_ROOT == ""


@pytest.mark.django_db(transaction=True)
def test_a_file_that_is_sent_all_the_same_is_refused(
    web_server: LiveServer, owner: Membership
) -> None:
    """A script that calls itself a picture, to operations that take a body."""
    cookies = {"sessionid": cookie_of(owner), "csrftoken": "c" * 32}
    picture = {"file": ("../../cat.svg", b"<svg onload='alert(1)'/>", "image/svg+xml")}
    with httpx.Client(base_url=web_server.base_url, cookies=cookies, timeout=PATIENCE) as client:
        for path in ("/api/v1/customers", "/api/v1/knowledge/faqs", "/api/v1/widget/sessions"):
            answer = client.post(path, files=picture, headers={"X-CSRFToken": "c" * 32})
            assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
        client.post("/app/settings/profile/", files=picture, headers={"X-CSRFToken": "c" * 32})
        owner.user.refresh_from_db()
        assert owner.user.name == "Olga"
        large = {"file": ("cat.png", b"\x89PNG" + b"x" * (1024 * 1024), "image/png")}
        refused = client.post(
            "/app/settings/profile/", files=large, headers={"X-CSRFToken": "c" * 32}
        )
        assert refused.status_code == 413
