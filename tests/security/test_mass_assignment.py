"""What a body may not set cannot be set by sending it along, whichever operation takes the body."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from drf_spectacular.generators import SchemaGenerator

from chat.models import Conversation, Message, Widget
from crm.core.ids import uuid7
from crm.customers.models import Customer
from crm.organizations.models import Membership
from knowledge.models import Faq
from tests.api.conftest import Api, api
from tests.records.battery import RATE

__all__ = ["api"]

EXTRA = {"is_superuser": True, "organization_id": str(uuid7())}


FORM, JSON = "multipart/form-data", "application/json"


def operations() -> Iterator[tuple[str, str, str, bool]]:
    """Yield method, path and id of everything that takes a body, and whether that is a form."""
    document = SchemaGenerator(api_version="v1").get_schema(public=True)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if "requestBody" in operation:
                is_form = FORM in operation["requestBody"]["content"]
                yield method.upper(), path, operation["operationId"], is_form


OPERATIONS = sorted(operations())


@pytest.fixture
def ids(api: Api, conversation: Conversation, customer: Customer, widget: Widget) -> dict[str, str]:
    faq = {"question": "Q?", "answer": "A.", "language": "en"}
    message, *_rest = Message.objects.after(conversation.organization_id, conversation.pk, 0)
    upload = {"record": "customers", "file_name": "a.csv", "size": 9}
    return {
        "import_id": api.client.post("/api/v1/imports", upload).json()["id"],
        "conversation_id": str(conversation.pk),
        "customer_id": str(customer.pk),
        "widget_id": str(widget.pk),
        "message_id": str(message.message_id),
        "stream": conversation.stream,
        "faq_id": api.post("/api/v1/knowledge/faqs", faq).json()["id"],
        "category_id": api.post("/api/v1/knowledge/categories", {"name": "Tea"}).json()["id"],
        "pipeline_id": api.post("/api/v1/pipelines", {"name": "Hotels"}).json()["id"],
        "stage_id": api.get("/api/v1/pipelines").json()["results"][0]["stages"][0]["id"],
        "deal_id": api.post("/api/v1/deals", {"name": "Beans"}).json()["id"],
        "lostreason_id": api.post("/api/v1/lost-reasons", {"name": "Price"}).json()["id"],
        "exchangerate_id": api.post("/api/v1/exchange-rates", RATE).json()["id"],
        "company_id": api.post("/api/v1/companies", {"name": "Sen"}).json()["id"],
        "umbrella_id": api.post("/api/v1/umbrellas", {"name": "Blue"}).json()["id"],
        "note_id": api.post(f"/api/v1/customers/{customer.pk}/notes", {"text": "x"}).json()["id"],
        "hold_id": api.post("/api/v1/legal-holds", {"reason": "Case 17"}).json()["id"],
    }


def test_there_are_operations() -> None:
    assert len(OPERATIONS) > 20


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path", "name", "is_form"), OPERATIONS, ids=lambda each: str(each)
)
def test_a_member_that_is_not_declared_is_refused(
    owner: Membership,
    api: Api,
    ids: dict[str, str],
    widget: Widget,
    method: str,
    path: str,
    name: str,
    is_form: bool,  # noqa: FBT001  a parameter
) -> None:
    client = Client()
    if "{view_id}" in path:
        views = path.partition("/{view_id}")[0]
        ids["view_id"] = api.post(views, {"name": "Mine"}).json()["id"]
    if name == "streams_open":
        # Only visitors begin a conversation.
        session = client.post(
            "/api/v1/widget/sessions", {"site_key": widget.site_key}, "application/json"
        )
        client = Client(headers={"Authorization": f"Bearer {session.json()['visitor_token']}"})
    else:
        client.force_login(owner.user)
    sent: dict[str, Any] = {**EXTRA, "site_key": widget.site_key}
    answer = client.generic(
        method,
        path.format(**ids),
        encode_multipart(BOUNDARY, sent) if is_form else json.dumps(sent),
        content_type=MULTIPART_CONTENT if is_form else JSON,
        headers={"Idempotency-Key": "m-1"},
    )
    told: dict[str, Any] = answer.json()
    assert (answer.status_code, told["code"]) == (400, "unknown_field"), (name, told)
    assert told["field"] in {*EXTRA, "site_key"}
    owner.user.refresh_from_db()
    assert not owner.user.is_superuser
    assert Faq.objects.exclude(organization=owner.organization).count() == 0
