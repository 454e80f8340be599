"""Pages and API while a store does not answer: 503 and when to try again, never a server error."""

from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from crm.organizations.models import Membership


def _no_connection(*_statement: Any) -> None:
    raise OperationalError("couldn't get a connection after 10.00 sec")


@pytest.mark.parametrize(
    "path", ["/app/customers/", "/app/inbox/", "/api/v1/customers", "/help/nobody/en/?q=x"]
)
def test_page_without_a_connection_says_when_to_try_again(owner: Membership, path: str) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(owner.user)
    with connection.execute_wrapper(_no_connection):
        answer = client.get(path, headers={"Accept": "text/html, */*"})
    assert answer.status_code == 503, answer.content
    assert answer["Retry-After"] == "2"
    if path.startswith("/api/"):
        assert answer.json()["code"] == "store_unavailable"
    else:
        assert answer["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("is_ours", [True, False])
def test_what_was_typed_into_a_page_that_found_no_store_is_shown_for_copying(
    owner: Membership, *, is_ours: bool
) -> None:
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    client.force_login(owner.user)
    page = client.get("/app/knowledge/new/")
    sent = {"question": "Typed by hand?", "answer": "Two days."}
    if is_ours:
        sent["csrfmiddlewaretoken"] = str(page.context["csrf_token"])
    with connection.execute_wrapper(_no_connection):
        answer = client.post("/app/knowledge/new/", sent, headers={"Accept": "text/html"})
    assert answer.status_code == 503
    assert ("Typed by hand?" in answer.content.decode()) is is_ours
