"""A creating request that is sent again: once done, the same answer, nothing twice."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from chat.models import Conversation, Message
from crm.core import idempotency
from crm.core.api.exceptions import IdempotencyInFlight
from crm.core.idempotency import (
    KEPT_FOR,
    MAX_WAITING,
    StoredResponse,
    answer_once,
    purge_idempotent_requests,
)
from crm.core.models import IdempotentRequest
from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.api.conftest import Api
from tests.patience import PATIENCE

CUSTOMERS = "/api/v1/customers"
MINH = {"name": "Minh", "email": "minh@example.com"}


def test_the_same_again_gives_the_first_answer(api: Api) -> None:
    first = api.post(CUSTOMERS, MINH, Idempotency_Key="k-1")
    again = api.post(CUSTOMERS, MINH, Idempotency_Key="k-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again["Location"] == first["Location"] == f"{CUSTOMERS}/{first.json()['id']}"
    assert ("Idempotency-Replayed" in first, again["Idempotency-Replayed"]) == (False, "true")
    assert Customer.objects.count() == 1


def test_how_the_json_is_written_does_not_matter(api: Api) -> None:
    first = api.post(CUSTOMERS, MINH, Idempotency_Key="k-1")
    again = api.post(CUSTOMERS, dict(reversed(MINH.items())), Idempotency_Key="k-1")
    assert again.json() == first.json()


def test_another_body_under_the_same_key_is_refused(api: Api) -> None:
    api.post(CUSTOMERS, MINH, Idempotency_Key="k-1")
    other = api.post(CUSTOMERS, MINH | {"name": "Ada"}, Idempotency_Key="k-1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    faq = {"question": "Q?", "answer": "A.", "language": "en"}
    elsewhere = api.post("/api/v1/knowledge/faqs", faq, Idempotency_Key="k-1")
    assert elsewhere.status_code == 422
    assert Customer.objects.count() == 1


def test_without_a_key_each_one_creates(api: Api) -> None:
    for _n in range(2):
        assert api.post(CUSTOMERS, MINH).status_code == 201
    assert (Customer.objects.count(), IdempotentRequest.objects.count()) == (2, 0)


def test_keys_of_two_people_and_two_organizations_are_not_the_same(
    api: Api, agent: Membership, stranger: Membership
) -> None:
    for who in (api, Api(agent), Api(stranger)):
        answer = who.post(CUSTOMERS, MINH, Idempotency_Key="k-1")
        assert "Idempotency-Replayed" not in answer
    assert Customer.objects.count() == 3


def test_a_refusal_is_not_kept(api: Api) -> None:
    assert api.post(CUSTOMERS, {"email": "none"}, Idempotency_Key="k-1").status_code == 400
    assert IdempotentRequest.objects.count() == 0
    assert api.post(CUSTOMERS, MINH, Idempotency_Key="k-1").status_code == 201


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "\u00e9"])
def test_a_key_that_cannot_be_used_is_a_400(api: Api, key: str) -> None:
    answer = api.post(CUSTOMERS, MINH, Idempotency_Key=key)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")
    assert Customer.objects.count() == 0


def test_after_a_day_the_key_is_new(api: Api) -> None:
    api.post(CUSTOMERS, MINH, Idempotency_Key="k-1")
    past = timezone.now() - KEPT_FOR - timedelta(seconds=1)
    IdempotentRequest.objects.update(created_at=past)
    answer = api.post(CUSTOMERS, MINH | {"name": "Ada"}, Idempotency_Key="k-1")
    assert answer.status_code == 201
    assert [each.is_kept(past) for each in IdempotentRequest.objects.all()] == [True]
    assert Customer.objects.count() == 2


def test_old_answers_are_purged(api: Api) -> None:
    api.post(CUSTOMERS, MINH, Idempotency_Key="k-1")
    api.post(CUSTOMERS, MINH, Idempotency_Key="k-2")
    IdempotentRequest.objects.filter(key="k-1").update(
        created_at=timezone.now() - KEPT_FOR - timedelta(seconds=1)
    )
    assert purge_idempotent_requests() == 1
    assert list(IdempotentRequest.objects.values_list("key", flat=True)) == ["k-2"]


def test_a_message_is_stored_once_in_the_log_too(api: Api, conversation: Conversation) -> None:
    path = f"/api/v1/conversations/{conversation.pk}/messages"
    first = api.post(path, {"text": "Hello!"}, Idempotency_Key="m-1")
    # The answer was lost together with its row, as after a crash before the commit.
    IdempotentRequest.objects.all().delete()
    again = api.post(path, {"text": "Hello!"}, Idempotency_Key="m-1")
    assert first.status_code == 201
    assert again.json() == first.json()
    log = Message.objects.after(conversation.organization_id, conversation.pk, 0)
    texts = [str(each.content["text"]) for each in log if "text" in each.content]
    assert texts[1:] == ["Hello!"]


@pytest.mark.django_db(transaction=True)
def test_what_fails_inside_leaves_neither_thing_nor_answer(owner: Membership) -> None:
    def act() -> StoredResponse:
        Customer.objects.create(organization_id=owner.organization_id, name="Half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        answer_once(
            organization_id=owner.organization_id, actor="a", key="k", fingerprint="f", act=act
        )
    assert (Customer.objects.count(), IdempotentRequest.objects.count()) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_the_same_request_at_the_same_moment_is_a_409(api: Api, owner: Membership) -> None:
    held, go = threading.Event(), threading.Event()

    def act() -> StoredResponse:
        held.set()
        go.wait(PATIENCE)
        return StoredResponse(201, "{}")

    def first() -> None:
        try:
            answer_once(
                organization_id=owner.organization_id,
                actor=str(owner.user_id),
                key="k-1",
                fingerprint="f",
                act=act,
            )
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(first)
        held.wait(PATIENCE)
        during = api.post(CUSTOMERS, MINH, Idempotency_Key="k-1")
        go.set()
        running.result(30)
    assert (during.status_code, during.json()["code"]) == (409, "idempotency_in_flight")
    assert int(during["Retry-After"]) >= 1
    assert Customer.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_many_at_once_create_one(owner: Membership) -> None:
    def send(_number: int) -> Any:
        try:
            answer = Api(owner).post(CUSTOMERS, MINH, Idempotency_Key="k-1")
            return answer.status_code, answer.json().get("id")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(send, range(12)))
    assert {status for status, _id in answers} <= {201, 409}
    assert len({each for status, each in answers if status == 201}) == 1
    assert Customer.objects.count() == 1


def test_a_lock_lasts_no_longer_than_its_transaction(owner: Membership) -> None:
    for _n in range(2):
        with transaction.atomic():
            answer, _is_replayed = answer_once(
                organization_id=owner.organization_id,
                actor="a",
                key="k",
                fingerprint="f",
                act=lambda: StoredResponse(201, "{}"),
            )
        assert answer.status == 201


@pytest.mark.django_db(transaction=True)
def test_equal_requests_wait_without_a_connection_and_not_all_of_them(
    owner: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_held, is_over = threading.Event(), threading.Event()
    all_wait = threading.Barrier(MAX_WAITING + 1)
    connected: list[bool] = []
    waited = threading.local()

    def pause(seconds: float) -> None:
        connected.append(connection.connection is not None)
        if not hasattr(waited, "before"):
            waited.before = True
            all_wait.wait(PATIENCE)
        threading.Event().wait(seconds)

    monkeypatch.setattr(idempotency, "_pause", pause)

    def act() -> StoredResponse:
        is_held.set()
        is_over.wait(PATIENCE)
        return StoredResponse(201, "{}")

    def answer(act: Any, key: str = "k") -> bool:
        try:
            return answer_once(
                organization_id=owner.organization_id,
                actor="a",
                key=key,
                fingerprint="f",
                act=act,
                wait_seconds=int(PATIENCE),
            )[1]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(MAX_WAITING + 2) as pool:
        first = pool.submit(answer, act)
        assert is_held.wait(PATIENCE)
        waiting = [pool.submit(answer, act) for _number in range(MAX_WAITING)]
        all_wait.wait(PATIENCE)
        with pytest.raises(IdempotencyInFlight):
            pool.submit(answer, act).result(PATIENCE)
        # Another form of the same person is answered meanwhile.
        assert not pool.submit(answer, lambda: StoredResponse(201, "{}"), "other").result(PATIENCE)
        is_over.set()
        assert not first.result(PATIENCE)
        assert [each.result(PATIENCE) for each in waiting] == [True] * MAX_WAITING
    assert set(connected) == {False}
    assert not idempotency._waiting
