"""The soft line breaks of word processors are line ends everywhere."""

import pytest

from chat.content import clean_text
from chat.identity import parse_identity
from crm.core.text.normalization import normalize, normalize_line
from crm.organizations.models import Membership
from tests.api.conftest import Api, api

__all__ = ["api"]
BREAKS = ["\u000b", "\u000c", "\u0085", "\u2028", "\r\n", "\r"]


@pytest.mark.parametrize("end", BREAKS)
def test_soft_line_break_parts_lines_and_words(end: str) -> None:
    assert normalize(f"{end}Wrap it{end}today{end}") == "Wrap it\ntoday"
    assert normalize_line(f"Wrap it{end}today") == "Wrap it today"
    assert clean_text(f"Wrap it{end}today{end}") == "Wrap it\ntoday"


@pytest.mark.parametrize("end", BREAKS)
def test_soft_line_break_in_a_faq_glues_no_words(api: Api, owner: Membership, end: str) -> None:
    body = {"question": f"Is it{end}open?", "answer": f"Yes.{end}Daily.", "language": "en"}
    made = api.post("/api/v1/knowledge/faqs", body)
    assert made.status_code == 201, made.content
    assert (made.json()["question"], made.json()["answer"]) == ("Is it open?", "Yes.\nDaily.")


@pytest.mark.parametrize("end", BREAKS)
def test_soft_line_break_in_a_claimed_name_is_a_blank(end: str) -> None:
    assert parse_identity({"name": f"Vũ{end}Toàn"}).claims == {"name": "Vũ Toàn"}
