"""The API's document: complete, without a warning, and its examples work."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import jsonschema
import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import translation
from drf_spectacular.drainage import GENERATOR_STATS, reset_generator_stats
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from chat.models import Conversation
from crm.core.api.document import document_in, forget_documents
from crm.core.records import get_record
from crm.customers.models import Customer
from knowledge.models import Faq
from tests.api.conftest import Api
from tests.records.battery import RATE
from tests.umbrellas.record import UMBRELLAS

DOCUMENT = "/api/v1/openapi.json"
# The reference's example is added on another day.
OLD_RATE = RATE | {"valid_from": "2020-01-01"}
# Whoever has no credentials yet calls these.
OPEN = {
    "tokens_create",
    "tokens_refresh",
    "tokens_revoke",
    "widget_sessions_start",
}
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    reset_generator_stats()
    document: dict[str, Any] = SchemaGenerator().get_schema(public=True)
    return document


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert method in METHODS
            yield path, method, operation


def test_document_is_made_without_a_warning(
    document: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    told = [*GENERATOR_STATS._warn_cache, *GENERATOR_STATS._error_cache]
    assert told == []


def test_document_is_openapi_3_1(document: dict[str, Any]) -> None:
    validate_schema(document)
    assert document["openapi"].startswith("3.1")
    assert document["info"]["version"].startswith("1.")


def test_every_path_of_the_api_is_described(document: dict[str, Any]) -> None:
    def routes(patterns: Any, prefix: str = "") -> Iterator[str]:
        for pattern in patterns:
            route = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from routes(pattern.url_patterns, route)
            elif isinstance(pattern, URLPattern):
                yield route

    served = {
        f"/{route}" for route in routes(get_resolver().url_patterns) if route.startswith("api/v1/")
    } - {DOCUMENT}
    described = {path.replace("{", "<").replace("}", ">") for path in document["paths"]}
    without_types = {
        "/".join(
            f"<{part[1:-1].partition(':')[2] or part[1:-1]}>" if part.startswith("<") else part
            for part in path.split("/")
        )
        for path in served
    }
    assert described == without_types


def test_every_operation_says_what_it_may_answer_and_who_may_call(
    document: dict[str, Any],
) -> None:
    names = [operation["operationId"] for _path, _method, operation in operations(document)]
    assert len(names) == len(set(names))
    for path, method, operation in operations(document):
        answers = operation["responses"]
        assert {"400", "429", "503"} <= set(answers), (method, path)
        assert operation.get("description") or operation.get("summary"), (method, path)
        assert operation["tags"] != ["api"], (method, path)
        is_open = operation["operationId"] in OPEN
        assert bool(operation.get("security")) != is_open, (method, path)
        if not is_open:
            assert {"401", "403"} <= set(answers)
        if "{" in path:
            assert "404" in answers
        for status, answer in answers.items():
            if not status.startswith("2"):
                assert set(answer["content"]) == {"application/problem+json"}


def test_session_token_and_key_are_described(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    assert {"session", "accessToken", "apiKey", "visitorToken"} <= set(schemes)
    security = document["paths"]["/api/v1/conversations"]["get"]["security"]
    assert {name for each in security for name in each} == {"apiKey", "accessToken", "session"}


def test_choices_are_named_in_the_language_of_the_document() -> None:
    """Their serializers are made once, by whoever asks first in whatever language."""
    field = get_record("deals").field("currency")
    assert field is not None
    with translation.override("vi"):
        made: Any = field.api_field(is_body=True)
    with translation.override("en"):
        assert str(made.choices["VND"]) == "VND – Vietnamese Dong"


def test_each_group_of_operations_is_described(document: dict[str, Any]) -> None:
    described = {tag["name"] for tag in document["tags"]}
    used = {
        tag
        for methods in document["paths"].values()
        for operation in methods.values()
        for tag in operation["tags"]
    }
    assert used - described - {UMBRELLAS.slug} == set()


def test_document_is_served_to_everybody_and_of_nobodys_data(client: Client, db: None) -> None:
    answer = client.get(DOCUMENT)
    assert answer.status_code == 200
    assert answer.json()["openapi"].startswith("3.1")
    assert answer["Content-Type"].startswith("application/vnd.oai.openapi+json")


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The language of each document that is built from now on."""
    languages: list[str] = []
    build = SchemaGenerator.get_schema

    def counted(*args: Any, **kwargs: Any) -> Any:
        languages.append(translation.get_language())
        return build(*args, **kwargs)

    monkeypatch.setattr(SchemaGenerator, "get_schema", counted)
    forget_documents()
    yield languages
    forget_documents()


def test_document_is_built_once_for_each_language(
    client: Client, db: None, built: list[str]
) -> None:
    first = client.get(DOCUMENT)
    again = client.get(DOCUMENT, {"version": "of somebody's choice"})
    wanted = client.get(DOCUMENT, {"lang": "vi"})
    accepted = client.get(DOCUMENT, headers={"Accept-Language": "vi"})
    unknown = client.get(DOCUMENT, {"lang": "xx"})
    assert built == ["en", "vi"]
    assert first.content == again.content == unknown.content
    assert wanted.content == accepted.content
    assert "Đang mở" in wanted.content.decode()
    assert first["ETag"] == again["ETag"] != wanted["ETag"]


def test_document_is_not_sent_again_to_whoever_has_it(client: Client, db: None) -> None:
    first = client.get(DOCUMENT)
    again = client.get(DOCUMENT, headers={"If-None-Match": first["ETag"]})
    other = client.get(DOCUMENT, {"lang": "ru"}, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again["ETag"] == first["ETag"]
    assert (other.status_code, other.json()["openapi"][:3]) == (200, "3.1")
    for answer in (first, again):
        assert set(answer["Cache-Control"].split(", ")) == {"public", "max-age=300"}
        assert {"Accept-Language", "Cookie"} <= set(answer["Vary"].split(", "))


def test_requests_at_once_wait_for_one_document(
    monkeypatch: pytest.MonkeyPatch, built: list[str]
) -> None:
    begun, goes_on = Event(), Event()
    build = SchemaGenerator.get_schema

    def slow(*args: Any, **kwargs: Any) -> Any:
        begun.set()
        assert goes_on.wait(timeout=10)
        return build(*args, **kwargs)

    monkeypatch.setattr(SchemaGenerator, "get_schema", slow)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(document_in, "en")
        assert begun.wait(timeout=10)
        second = pool.submit(document_in, "en")
        with pytest.raises(TimeoutError):
            second.result(timeout=0.2)
        goes_on.set()
        assert first.result(timeout=30) is second.result(timeout=30)
    assert built == ["en"]


def test_reference_page_loads_nothing_from_elsewhere(client: Client, db: None) -> None:
    answer = client.get("/api/docs/")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert "https://" not in page
    assert "<style" not in page
    assert "<script>" not in page


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "components": document["components"]}


def test_each_example_of_the_document_works(
    document: dict[str, Any],
    api: Api,
    conversation: Conversation,
    customer: Customer,
) -> None:
    faq = api.post(
        "/api/v1/knowledge/faqs", {"question": "Q?", "answer": "A.", "language": "en"}
    ).json()
    ids = {
        "conversation_id": conversation.pk,
        "customer_id": customer.pk,
        "faq_id": faq["id"],
        "company_id": api.post("/api/v1/companies", {"name": "Sen"}).json()["id"],
        "umbrella_id": api.post("/api/v1/umbrellas", {"name": "Small one"}).json()["id"],
        "pipeline_id": api.post("/api/v1/pipelines", {"name": "Hotels"}).json()["id"],
        "stage_id": api.get("/api/v1/pipelines").json()["results"][0]["stages"][0]["id"],
        "deal_id": api.post("/api/v1/deals", {"name": "Beans"}).json()["id"],
        "lostreason_id": api.post("/api/v1/lost-reasons", {"name": "Price"}).json()["id"],
        "exchangerate_id": api.post("/api/v1/exchange-rates", OLD_RATE).json()["id"],
        "category_id": api.post("/api/v1/knowledge/categories", {"name": "Tea"}).json()["id"],
        "widget_id": conversation.widget_id,
        "hold_id": api.post("/api/v1/legal-holds", {"reason": "A court asks."}).json()["id"],
    }
    notes = {
        record: api.post(f"/api/v1/{record}/{ids[row]}/notes", {"text": "Hi"}).json()["id"]
        for record, row in (
            ("companies", "company_id"),
            ("customers", "customer_id"),
            ("deals", "deal_id"),
            ("exchange-rates", "exchangerate_id"),
            ("umbrellas", "umbrella_id"),
        )
    }
    lists = (
        "/api/v1/companies",
        "/api/v1/customers",
        "/api/v1/deals",
        "/api/v1/exchange-rates",
        "/api/v1/knowledge/faqs",
        "/api/v1/lost-reasons",
        "/api/v1/umbrellas",
    )
    views = {each: api.post(f"{each}/views", {"name": "Mine"}).json()["id"] for each in lists}
    tried = set()
    for path, method, operation in operations(document):
        ids["view_id"] = views.get(path.partition("/views/")[0], "")
        ids["note_id"] = notes.get(path.split("/")[3], "")
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        for example in content.get("examples", {}).values():
            value = example["value"]
            if operation["operationId"] == "deals_move":
                value = {"column": ids["stage_id"]}
            answer = api.send(method.upper(), path.format(**ids), value)
            wanted = operation["responses"][str(answer.status_code)]
            assert 200 <= answer.status_code < 300, (path, answer.json())
            schema = wanted["content"]["application/json"]["schema"]
            jsonschema.validate(answer.json(), resolved(document, schema))
            tried.add(operation["operationId"])
    assert tried >= {
        "conversations_update",
        "legal_holds_create",
        "legal_holds_lift",
        "customers_create",
        "customers_update",
        "faqs_create",
        "faqs_update",
        "me_update",
        "messages_create",
        "organization_update",
        "widgets_create",
        "widgets_update",
    }
    assert Faq.objects.count() == 2


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/conversations",
        "/api/v1/conversations/{conversation_id}",
        "/api/v1/conversations/{conversation_id}/messages",
        "/api/v1/customers",
        "/api/v1/customers/{customer_id}",
        "/api/v1/inbox/conversations",
        "/api/v1/inbox/counts",
        "/api/v1/inbox/agents",
        "/api/v1/knowledge/faqs",
        "/api/v1/me",
        "/api/v1/members",
        "/api/v1/organization",
    ],
)
def test_answers_have_the_form_that_is_described(
    document: dict[str, Any], api: Api, conversation: Conversation, path: str
) -> None:
    ids = {"conversation_id": conversation.pk, "customer_id": conversation.customer_id}
    answer = api.get(path.format(**ids))
    assert answer.status_code == 200
    wanted = document["paths"][path]["get"]["responses"]["200"]
    schema = wanted["content"]["application/json"]["schema"]
    jsonschema.validate(answer.json(), resolved(document, schema))
