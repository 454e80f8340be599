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
from django import forms
from django.test import Client
from django.urls import reverse

from chat.models import Conversation
from crm.core.forms import Form
from crm.core.text import normal_forms
from crm.core.text.folding import identity_key, search_key
from crm.core.text.normal_forms import in_order
from crm.organizations.models import Membership
from knowledge.embedding import _shortened
from tests.api.conftest import Api
from tests.costs import assert_linear

ROOT = Path(__file__).resolve().parents[2]
# Eighteen letters of its alphabet in three bytes.
PHRASE = "\ufdfa"
EMBEDS = """
import django
django.setup()
from knowledge.embedding import embed_questions
for text in {texts!r}:
    (vector,) = embed_questions([text])
    print(round(sum(number * number for number in vector), 3), flush=True)
"""


def test_no_text_ends_the_process_that_embeds_it() -> None:
    texts = [PHRASE * 60, PHRASE * 1000, f"Muhammad {PHRASE}"]
    done = subprocess.run(
        [sys.executable, "-c", EMBEDS.format(texts=texts)],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.test"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.split()) == (0, ["1.0"] * 3), done.stderr[-500:]


def test_no_letter_is_left_that_has_no_room_where_texts_are_embedded() -> None:
    """The library has room for four letters for each byte."""
    every = (chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    wide = [
        letter
        for letter in every
        if len(unicodedata.normalize("NFKC", letter)) > 4 * len(letter.encode())
    ]
    assert wide == [PHRASE]
    assert PHRASE not in _shortened(f"a {PHRASE} b")
    assert _shortened(f"a {PHRASE} b").endswith(" b")


@pytest.mark.parametrize("fold", [identity_key, search_key])
@pytest.mark.parametrize("more", ["", "\U0001f600", "\u0323", "\u200d"])
def test_a_text_that_grows_is_folded_in_time_linear_in_its_length(
    fold: Callable[[str], str], more: str
) -> None:
    assert_linear(lambda times: fold((PHRASE * 10 + more) * times), 2_000)


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


MARKS = "a" + "\u0323\u0301" * 50_000


@pytest.fixture
def worked_on(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Give the lengths of the texts that are normalized, which is work."""
    lengths: list[int] = []
    in_order = normal_forms.in_order

    def noting(text: str) -> str:
        lengths.append(len(text))
        return in_order(text)

    monkeypatch.setattr(normal_forms, "in_order", noting)
    return lengths


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/v1/auth/tokens", {"email": MARKS, "password": "x"}),
        ("POST", "/api/v1/knowledge/faqs", {"question": MARKS}),
        ("POST", "/api/v1/knowledge/faqs", {"phrasings": [MARKS]}),
        ("POST", "/api/v1/widgets", {"name": "W", "allowed_domains": [MARKS]}),
        ("POST", "/api/v1/widgets", {"name": "W", "texts": {"en": {"title": MARKS}}}),
        ("PATCH", "/api/v1/conversations/{}", {"labels": [MARKS]}),
    ],
)
def test_a_text_that_is_far_too_long_is_refused_before_it_is_normalized(
    owner: Membership,
    conversation: Conversation,
    worked_on: list[int],
    method: str,
    path: str,
    body: dict[str, Any],
) -> None:
    refused = Api(owner).send(method, path.format(conversation.pk), body)
    assert max(worked_on, default=0) < 1_000
    assert refused.status_code == 400
    assert len(refused.content) < 2_000


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/login/", {"email": MARKS, "password": "x"}),
        ("/login/", {"email": "kim@fjord.example", "password": MARKS}),
        ("/signup/", {"email": MARKS, "name": MARKS, "organization": MARKS, "password1": MARKS}),
        ("/password/reset/", {"email": MARKS}),
    ],
)
def test_a_form_s_text_that_is_far_too_long_is_refused_before_it_is_normalized(
    client: Client, stores_clean: None, worked_on: list[int], path: str, form: dict[str, str]
) -> None:
    client.get(path)
    assert client.post(path, form).status_code in {200, 400}
    assert max(worked_on, default=0) < 1_000


class _Typed(Form):
    bounded = forms.CharField(max_length=10)
    padded = forms.CharField(max_length=10)
    unbounded = forms.CharField()
    secret = forms.CharField(strip=False, widget=forms.PasswordInput)
    fine = forms.CharField(max_length=10)


def test_each_kind_of_field_refuses_what_is_far_too_long() -> None:
    form = _Typed(
        {
            "bounded": "a" * 41,
            "padded": "a".ljust(41),
            "unbounded": "a" * 40_001,
            "secret": "a" * 16_385,
            "fine": "a\u0301" * 10,
        }
    )
    assert {name: len(errors) for name, errors in form.errors.items()} == dict.fromkeys(
        ["bounded", "padded", "unbounded", "secret"], 1
    )
    assert form.cleaned_data == {"fine": "\u00e1" * 10}
    form.data = dict.fromkeys(form.fields, "a")
    form.full_clean()
    assert form.errors == {}


BEYOND = ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"]


@pytest.mark.django_db
@pytest.mark.parametrize("moment", BEYOND)
def test_a_place_beyond_the_calendar_is_refused(owner: Membership, moment: str) -> None:
    client = Client()
    client.force_login(owner.user)
    cursor = base64.urlsafe_b64encode(f"{moment}|{uuid4()}".encode()).decode().rstrip("=")
    asked = [
        (reverse("chat:inbox_conversations"), {"cursor": cursor}),
        (reverse("chat:unanswered"), {"after": f"{moment}_{'a' * 24}"}),
    ]
    for address, query in asked:
        assert client.get(address, query).status_code == 400, address
