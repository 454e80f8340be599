"""Entry 21: defaults and limits that are documented are those that the server keeps to."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from chat.models import Conversation
from crm.core.records import get_record
from crm.deals.models import Pipeline, Stage
from crm.organizations.models import Membership
from tests.api.conftest import Api
from tests.api.test_schema import document, operations, resolved
from tests.records.battery import RATE

__all__ = ["document"]


def _schemas(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every schema of the document, wherever it stands."""
    if isinstance(node, dict):
        if "type" in node or "$ref" in node or "anyOf" in node or "oneOf" in node:
            yield path, node
        for name, child in node.items():
            yield from _schemas(child, f"{path}/{name}")
    elif isinstance(node, list):
        for number, child in enumerate(node):
            yield from _schemas(child, f"{path}/{number}")


def test_every_default_is_a_value_of_its_own_schema(document: dict[str, Any]) -> None:
    found = 0
    for path, schema in _schemas(document):
        if "default" not in schema:
            continue
        found += 1
        own = {name: value for name, value in schema.items() if name != "default"}
        jsonschema.validate(schema["default"], resolved(document, own))
        assert json.loads(json.dumps(schema["default"])) == schema["default"], path
    assert found > 20


def test_every_number_can_be_told_apart_by_json(document: dict[str, Any]) -> None:
    """2**53 and the number behind it are one to JavaScript."""
    for path, schema in _schemas(document):
        for name in ("default", "minimum", "maximum"):
            value = schema.get(name)
            if isinstance(value, int) and schema.get("type") == "integer":
                assert abs(value) <= 2**53 - 1, (path, name)


def _values(schema: dict[str, Any]) -> list[Any]:
    """Give the default and the limits of a parameter."""
    limits = [schema[name] for name in ("default", "minimum", "maximum") if name in schema]
    if schema.get("type") == "string" and "maxLength" in schema and "format" not in schema:
        limits.append("я" * schema["maxLength"])
    return limits + list(schema.get("enum", []))


def test_every_default_and_limit_of_a_parameter_is_accepted(
    document: dict[str, Any], api: Api, conversation: Conversation, owner: Membership
) -> None:
    umbrella = get_record("umbrellas").create(by=owner, name="Big one")
    ids = {
        "company_id": get_record("companies").create(by=owner, name="Sen").pk,
        "umbrella_id": umbrella.pk,
        "pipeline_id": Pipeline.objects.get(organization=owner.organization).pk,
        "stage_id": Stage.objects.filter(organization=owner.organization)[0].pk,
        "deal_id": get_record("deals").create(by=owner, name="Beans").pk,
        "lostreason_id": get_record("lost-reasons").create(by=owner, name="Price").pk,
        "exchangerate_id": get_record("exchange-rates").create(by=owner, **RATE).pk,
        "conversation_id": conversation.pk,
        "customer_id": conversation.customer_id,
        "widget_id": conversation.widget_id,
        "stream": conversation.stream,
    }
    tried, refused = 0, []
    for path, method, operation in operations(document):
        if method != "get" or any(f"{{{name}}}" in path for name in ("faq_id", "member_id")):
            continue
        for parameter in operation.get("parameters", []):
            if parameter["in"] != "query" or parameter["name"] in FREE:
                continue
            for value in _values(parameter["schema"]):
                tried += 1
                answer = api.get(path.format(**ids), {parameter["name"]: value})
                if answer.status_code != 200:
                    refused.append((path, parameter["name"], str(value)[:20], answer.content))
    assert refused == []
    assert tried > 60


# What has a form beyond its length: refused for that form, whatever its length.
FREE = {"cursor", "fields", "assignee", "epoch", "subject", "key", "where", "kind", "view"}


@pytest.mark.parametrize("filler", ["я", "😀", "line\r\n"], ids=["letter", "emoji", "lines"])
def test_longest_text_of_a_body_is_accepted_and_one_more_is_not(
    document: dict[str, Any], api: Api, conversation: Conversation, filler: str
) -> None:
    """Lengths count code points, with line ends as one."""
    faq = {"question": "Q?", "answer": "A.", "language": "en"}
    made = api.post("/api/v1/knowledge/faqs", faq).json()["id"]
    for path, name, most, code in (
        (f"/api/v1/knowledge/faqs/{made}", "answer", 5000, "invalid_field"),
        (f"/api/v1/conversations/{conversation.pk}/messages", "text", 10_000, "text_too_long"),
    ):
        unit = len(filler.replace("\r\n", "\n"))
        longest = filler * (most // unit - 1) + "x" * (most - unit * (most // unit - 1))
        send = api.patch if name == "answer" else api.post
        answer = send(path, {name: longest})
        assert answer.status_code in {200, 201}, (path, answer.content[:300])
        assert send(path, {name: f"{longest}x"}).json()["code"] == code, path
