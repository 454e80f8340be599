"""Translations keep to the words of docs/glossary.md."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from babel.messages.pofile import read_po

from chat.bot_texts import Line, line

CHECKOUT = Path(__file__).resolve().parent.parent.parent
GLOSSARY = (CHECKOUT / "docs" / "glossary.md").read_text()
LANGUAGES = {"Tiếng Việt": "vi", "Русский": "ru"}
# A tone over the second vowel of an open syllable: hoá, khoẻ, thuỷ; qu is one consonant.
_NEW_TONES = re.compile(r"(?<!q)(?:o[àáảãạèéẻẽẹ]|u[ỳýỷỹỵ])(?!\w)", re.IGNORECASE)
# Terms inside names, addresses and code, which nobody reads as words.
_MARKUP = re.compile(r"%\(\w+\)[sd]|\{\w+\}|`[^`]*`|https?://\S+|<[^>]+>")
# Letters of the alphabet and of signatures are letters.
_LETTERS = re.compile(
    r"\bletters?\b(?=.*\b(digits?|hyphens?|lost|at most)\b)|at most [\d,]+ letters"
)


class Translation(NamedTuple):
    place: str
    english: str
    text: str


def table(title: str) -> list[list[str]]:
    """Return the cells of the table below a heading, without its head."""
    section = GLOSSARY.partition(f"## {title}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


@cache
def translations(language: str) -> tuple[Translation, ...]:
    """Return every form of every translated message of all catalogs of a language."""
    return tuple(_translations(language))


def _translations(language: str) -> Iterator[Translation]:
    for path in sorted(CHECKOUT.glob(f"**/locale/{language}/LC_MESSAGES/*.po")):
        if ".venv" in path.parts:
            continue
        with path.open("rb") as file:
            catalog = read_po(file, locale=language)
        for message in catalog:
            if not message.id:
                continue
            english = message.id if isinstance(message.id, str) else message.id[-1]
            forms = [message.string] if isinstance(message.string, str) else (message.string or ())
            place = str(path.relative_to(CHECKOUT))
            for form in forms:
                yield Translation(place, _MARKUP.sub("", english), _MARKUP.sub("", str(form)))


def visitors_texts(language: str) -> list[str]:
    """Return what visitors read: the widget's texts and the bot's lines, which no catalog has."""
    path = CHECKOUT / "static/chat/widget/i18n" / f"{language}.js"
    words = re.findall(r'"((?:[^"\\]|\\.)*)"', path.read_text())
    return [_MARKUP.sub("", each) for each in words] + [
        line(each, language, question="") for each in Line
    ]


def options(cell: str) -> list[str]:
    return [option.strip() for option in cell.split("/")]


def english_pattern(cell: str) -> re.Pattern[str]:
    """Match the terms of an English cell as whole words, singular and plural."""
    words = "|".join(re.escape(option) for option in options(cell))
    return re.compile(rf"(?<![\w-])(?:{words})s?(?![\w-])", re.IGNORECASE)


def inflected(text: str, language: str) -> str:
    """Return a pattern for a term; Russian words end in many ways, Vietnamese ones in one."""
    if language == "vi":
        return rf"(?<!\w){re.escape(text)}(?!\w)"
    return r"\s+".join(rf"(?<!\w){re.escape(_stem(word))}\w*" for word in text.split())


def _stem(word: str) -> str:
    if len(word) < 4:
        return word
    return word[:-2] if len(word) > 5 else word[:-1]


def pattern(cell: str, language: str) -> re.Pattern[str]:
    return re.compile("|".join(inflected(each, language) for each in options(cell)), re.IGNORECASE)


@pytest.mark.parametrize("row", table("Words"), ids=lambda row: row[0])
def test_a_term_is_translated_by_its_word(row: list[str]) -> None:
    term, vietnamese, russian, _where = row
    english = english_pattern(term)
    others = {
        (each.place, each.english, each.text)
        for language, cell in (("vi", vietnamese), ("ru", russian))
        for each in translations(language)
        if english.search(each.english) and not pattern(cell, language).search(each.text)
    }
    assert others == set()


def test_each_term_is_used() -> None:
    english = {each.english for each in translations("ru")}
    unused = [
        row[0]
        for row in table("Words")
        if not any(english_pattern(row[0]).search(text) for text in english)
    ]
    assert unused == []


@pytest.mark.parametrize("row", table("Words that are not used"), ids=lambda row: row[1])
def test_a_word_that_is_not_used_stands_nowhere(row: list[str]) -> None:
    language, words, _instead = row
    unwanted = [word.strip() for word in words.split(",")]
    if language == "English":
        shown = {_LETTERS.sub("", each.english) for each in translations("ru")}
        shown.update(visitors_texts("en"))
        found = [
            text
            for text in shown
            if any(re.search(rf"\b{word}s?\b", text, re.IGNORECASE) for word in unwanted)
        ]
    else:
        code = LANGUAGES[language]
        found = [
            text
            for text in [*(each.text for each in translations(code)), *visitors_texts(code)]
            if any(pattern(word, code).search(text) for word in unwanted)
        ]
    assert found == []


def test_vietnamese_marks_tones_in_one_way() -> None:
    texts = [*(each.text for each in translations("vi")), *visitors_texts("vi")]
    assert [text for text in texts if _NEW_TONES.search(text)] == []
