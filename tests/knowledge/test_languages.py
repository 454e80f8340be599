"""The language of a line is told by its letters, its marks and its small words."""

import json
from pathlib import Path

import pytest

from knowledge.languages import detect_language

QUESTIONS = json.loads((Path(__file__).parent / "questions.json").read_text())


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Do you deliver to Manila?", "en"),
        ("Có giao hàng sang Manila không?", "vi"),
        ("co giao hang sang Manila khong", "vi"),
        ("Доставляете в Манилу?", "ru"),
        ("сколько стоит shipping в Россию", "ru"),
        ("decaf có không ạ", "vi"),
        ("I want to talk to a person", "en"),
        ("toi muon noi chuyen voi nhan vien", "vi"),
    ],
)
def test_language_of_a_line(text: str, language: str) -> None:
    assert detect_language(text, fallback="en") == language
    assert detect_language(text, fallback="ru") == language


@pytest.mark.parametrize("text", ["ok", "BZ-20481", "👍", "", "0912 345 678", "café"])
def test_line_that_does_not_say_keeps_the_conversations_language(text: str) -> None:
    for language in ("en", "vi", "ru"):
        assert detect_language(text, fallback=language) == language


def test_unknown_fallback_becomes_english() -> None:
    assert detect_language("ok", fallback="de") == "en"


@pytest.mark.parametrize("language", ["en", "vi", "ru"])
def test_most_real_questions_are_recognised_against_a_wrong_fallback(language: str) -> None:
    other = {"en": "vi", "vi": "en", "ru": "en"}[language]
    mine = [
        one["question"] for one in QUESTIONS if one["language"] == language and not one.get("mixed")
    ]
    right = sum(detect_language(question, fallback=other) == language for question in mine)
    assert right / len(mine) >= 0.9
