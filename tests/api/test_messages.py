"""Refusals of too much are worded in the language of whoever asks, by code everywhere the same."""

from typing import Any

import pytest
from django.utils import translation

from chat.models import Conversation, Message
from crm.core.api.framework_messages import MESSAGES
from tests.api.conftest import Api, api

__all__ = ["api"]
FAQ = {"question": "Q?", "answer": "A.", "language": "en"}


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("language", ["vi", "ru"])
def test_message_of_the_framework_is_translated(message: str, language: str) -> None:
    with translation.override(language):
        assert translation.gettext(message) != message


@pytest.mark.parametrize("language", ["vi", "ru"])
@pytest.mark.parametrize(
    "body",
    [
        {"phrasings": [f"Q{number}" for number in range(21)]},
        {"question": "x" * 501},
        {"answer": "x" * 5001},
        {"key": "not a key"},
        {"is_published": "perhaps"},
        {"category_id": "x"},
    ],
)
def test_what_is_too_much_is_told_in_the_language(
    api: Api, body: dict[str, Any], language: str
) -> None:
    def told(wanted: str) -> Any:
        headers = {"Accept-Language": wanted}
        answer = api.post("/api/v1/knowledge/faqs", FAQ | body, **headers)
        assert answer.status_code == 400
        return answer.json()["errors"]

    assert told(language) != told("en")


def test_text_that_is_too_long_has_one_code(api: Api, conversation: Conversation) -> None:
    before = len(Message.objects.after(conversation.organization_id, conversation.pk, 0))
    for url, body in (
        (f"/api/v1/conversations/{conversation.pk}/messages", {"text": "x" * 10_001}),
        (
            f"/api/v1/streams/{conversation.stream}/messages",
            {"content": {"type": "text", "text": "x" * 10_001}},
        ),
    ):
        answer = api.post(url, body, **{"Idempotency-Key": "m-long"})
        assert (answer.status_code, answer.json()["code"]) == (413, "text_too_long"), url
    after = Message.objects.after(conversation.organization_id, conversation.pk, 0)
    assert len(after) == before
