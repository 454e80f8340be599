"""A request waits for a lock a little and is told to try again; a job waits as long as it takes."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test import Client

from chat.models import Conversation
from crm.core import lock_timeout
from crm.core.executor import run_sync
from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.api.conftest import Api, api
from tests.patience import PATIENCE

__all__ = ["api"]
pytestmark = pytest.mark.django_db(transaction=True)


def _timeout() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        return str(cursor.fetchone()[0])


@contextmanager
def _locked(rows: Any) -> Iterator[None]:
    """Let another transaction hold the rows."""
    is_held, is_over = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                assert list(rows.select_for_update())
                is_held.set()
                is_over.wait(PATIENCE)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(hold)
        assert is_held.wait(PATIENCE)
        try:
            yield
        finally:
            is_over.set()
            holding.result(PATIENCE)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_timeout, "REQUEST_PATIENCE_SECONDS", 0.05)


def test_each_transaction_of_a_request_has_a_limit_and_no_other() -> None:
    with lock_timeout.limited():
        with transaction.atomic():
            assert _timeout() == "3s"
            savepoint = transaction.savepoint()
            transaction.savepoint_rollback(savepoint)
            assert _timeout() == "3s"
        assert _timeout() == "3s"
    with transaction.atomic():
        assert _timeout() == "0"
    assert _timeout() == "0"


def test_a_read_on_its_own_is_sent_as_it_is(django_assert_num_queries: Any) -> None:
    assert lock_timeout.statement_for("UPDATE a", is_alone=True) is None
    with lock_timeout.limited():
        assert lock_timeout.statement_for("SELECT 1", is_alone=True) is None
        for query, is_alone in (("SELECT 1", False), ("UPDATE a", True)):
            found = lock_timeout.statement_for(query, is_alone=is_alone)
            assert found == "SET LOCAL lock_timeout = 3000"
        # It goes in front of a statement, in the same message.
        with django_assert_num_queries(1):
            Customer.objects.filter(pk__isnull=True).update(name="")


@pytest.mark.asyncio
async def test_the_work_of_a_socket_has_the_limit() -> None:
    assert await run_sync(_timeout) == "3s"


def test_a_request_that_waits_too_long_is_told_to_try_again(
    short: None, api: Api, customer: Customer
) -> None:
    path = f"/api/v1/customers/{customer.pk}"
    with _locked(Customer.objects.filter(pk=customer.pk)):
        refused = api.patch(path, {"name": "Other"})
    assert (refused.status_code, refused.json()["code"]) == (503, "busy")
    assert int(refused["Retry-After"]) > 0
    customer.refresh_from_db()
    assert customer.name != "Other"
    assert api.patch(path, {"name": "Other"}).status_code == 200


def test_a_message_that_waits_too_long_is_told_to_try_again(
    short: None, api: Api, conversation: Conversation
) -> None:
    path = f"/api/v1/streams/{conversation.stream}/messages"
    body = {"content": {"type": "text", "text": "Hi"}}
    batch = {"messages": [body | {"client_message_id": "m-2"}]}
    with _locked(Conversation.objects.filter(pk=conversation.pk)):
        refused = api.post(path, body, Idempotency_Key="m-1")
        refused_batch = api.post(f"{path}/batch", batch)
    for each in (refused, refused_batch):
        assert (each.status_code, each.json()["code"]) == (503, "busy")
    assert api.post(path, body, Idempotency_Key="m-1").status_code == 201


def test_a_page_that_waits_too_long_is_told_to_try_again(
    short: None, owner: Membership, customer: Customer
) -> None:
    client = Client()
    client.force_login(owner.user)
    sent = {"action": "language", "language_code": "ru", "rows": str(customer.pk), "list": ""}
    with _locked(Customer.objects.filter(pk=customer.pk)):
        refused = client.post(
            "/app/customers/bulk/run/", sent | {"_once": "k-1"}, headers={"Accept": "text/html"}
        )
    assert refused.status_code == 503
    assert "try again" in refused.content.decode()
    customer.refresh_from_db()
    assert customer.language_code != "ru"
