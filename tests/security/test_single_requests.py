"""One small request is never much work, and never the end of a process."""

import base64
import os
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from chat.models import Conversation
from crm.accounts.models import Membership
from crm.core.text.normalization import identity_key, in_order, search_key
from knowledge.embedding import _safe
from tests.api.conftest import Api

ROOT = Path(__file__).resolve().parents[2]
# Eighteen letters of its alphabet in three bytes.
PHRASE = "\ufdfa"
EMBEDS = """
import django
django.setup()
from knowledge.embedding import embed_questions
(vector,) = embed_questions([{text!r}])
print(round(sum(number * number for number in vector), 3))
"""


@pytest.mark.parametrize("text", [PHRASE * 60, PHRASE * 1000, f"Muhammad {PHRASE}"])
def test_no_text_ends_the_process_that_embeds_it(text: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", EMBEDS.format(text=text)],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.test"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.split()) == (0, ["1.0"]), done.stderr[-500:]


def test_no_letter_is_left_that_has_no_room_where_texts_are_embedded() -> None:
    """The library has room for four letters for each byte."""
    every = (chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    wide = [
        letter
        for letter in every
        if len(unicodedata.normalize("NFKC", letter)) > 4 * len(letter.encode())
    ]
    assert wide == [PHRASE]
    assert PHRASE not in _safe(f"a {PHRASE} b")
    assert _safe(f"a {PHRASE} b").endswith(" b")


@pytest.mark.parametrize("fold", [identity_key, search_key])
@pytest.mark.parametrize("more", ["", "\U0001f600", "\u0323", "\u200d"])
def test_a_text_that_grows_is_folded_at_once(fold: Callable[[str], str], more: str) -> None:
    fold("a" * 100 + PHRASE)
    began = time.process_time()
    fold((PHRASE * 10 + more) * 3000)
    assert time.process_time() - began < 1.2


def test_long_runs_of_marks_are_equal_afterwards() -> None:
    marks = ["\u0301", "\u0323", "\U0001d165", "\U0001e8d0", "\u05b0"]
    for first in ("a", "\U0001f600", "\U0001d15e", "", PHRASE):
        for number in (29, 30, 31, 32, 90):
            text = f"{first}{''.join(marks[each * 7 % 5] for each in range(number))}b"
            assert unicodedata.normalize("NFD", in_order(text)) == unicodedata.normalize(
                "NFD", text
            )


ELEMENTS: list[Any] = [[]] * 50_000
MEMBERS: dict[str, Any] = {str(number): [] for number in range(50_000)}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/api/v1/api-keys", {"name": "K", "scopes": ELEMENTS}, "scopes"),
        ("POST", "/api/v1/knowledge/faqs", {"phrasings": ELEMENTS}, "phrasings"),
        ("POST", "/api/v1/widgets", {"name": "W", "allowed_domains": ELEMENTS}, None),
        ("POST", "/api/v1/widgets", {"texts": {"en": MEMBERS}}, None),
        ("POST", "/api/v1/knowledge/categories", {"names": MEMBERS}, None),
        ("PATCH", "/api/v1/conversations/{}", {"labels": ELEMENTS}, "labels"),
    ],
)
def test_a_list_that_is_too_long_is_refused_before_its_elements(
    owner: Membership,
    conversation: Conversation,
    method: str,
    path: str,
    body: dict[str, Any],
    field: str | None,
) -> None:
    began = time.process_time()
    refused = Api(owner).send(method, path.format(conversation.pk), body)
    assert time.process_time() - began < 2
    assert refused.status_code == 400
    assert field in {None, refused.json()["field"]}
    assert len(refused.content) < 2_000


BEYOND = ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"]


@pytest.mark.django_db
@pytest.mark.parametrize("moment", BEYOND)
def test_a_place_beyond_the_calendar_is_refused(owner: Membership, moment: str) -> None:
    client = Client()
    client.force_login(owner.user)
    cursor = base64.urlsafe_b64encode(f"{moment}|{uuid4()}".encode()).decode().rstrip("=")
    asked = [
        (reverse("chat:inbox_conversations"), {"cursor": cursor}),
        (reverse("knowledge:faqs"), {"after": f"{moment}_{uuid4().hex}"}),
        (reverse("chat:unanswered"), {"after": f"{moment}_{'a' * 24}"}),
    ]
    for address, query in asked:
        assert client.get(address, query).status_code == 400, address
