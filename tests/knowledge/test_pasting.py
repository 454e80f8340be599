"""FAQs out of pasted text: what is a table, and what are questions with answers."""

import csv
import unicodedata
from typing import Any

import pytest
from django.utils import translation

from knowledge.pasting import table_of


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(table_of(text).splitlines(keepends=True), delimiter="\t"))


def test_questions_parted_by_empty_lines_are_rows() -> None:
    text = "Q: Do you deliver?\nA: Yes.\nEvery day.\n\n\u00a0\nCó giao hàng không?\nCó, mỗi ngày."
    assert rows(text) == [
        ["Question", "Answer"],
        ["Do you deliver?", "Yes.\nEvery day."],
        ["Có giao hàng không?", "Có, mỗi ngày."],
    ]
    with translation.override("vi"):
        assert rows(text)[0] == ["Câu hỏi", "Câu trả lời"]


@pytest.mark.parametrize(
    ("text", "question", "answer"),
    [
        ("О. Генри есть?\nДа.", "О. Генри есть?", "Да."),
        ("В. Новгород: доставляете?\nДа.", "В. Новгород: доставляете?", "Да."),
        ("What do I do?\nAnswer.", "What do I do?", "Answer."),
        ("Q. How?\nA. So.", "How?", "So."),
        ("В) Как?\nО) Так.", "Как?", "Так."),
        ("Вопрос: Как?\nТак.", "Как?", "Так."),
        ("Hỏi: Thế nào?\nĐáp: Thế.", "Thế nào?", "Thế."),
        ("Hỏi: Thế nào?\u000bĐáp: Thế\u000cnày.\u0085Xong", "Thế nào?", "Thế\nnày.\nXong"),
        ('Q: "Why\tnot"?\nSo, "so"; so', '"Why\tnot"?', 'So, "so"; so'),
        ("Only a question?", "Only a question?", ""),
    ],
)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_marks_are_left_out_and_words_are_not(
    text: str, question: str, answer: str, form: Any
) -> None:
    assert rows(unicodedata.normalize(form, text))[1:] == [[question, answer]]


@pytest.mark.parametrize(
    "text",
    [
        "question,answer\nWhy?,So\n",
        "Ответ;Вопрос;Категория\nДа;Есть?;Чай\n\nНет;Кофе?;",
        "Câu HỎI\tTrả lời\nThế nào?\tThế",
        "Q\tA\tNotes\nWhy?\tSo\t\n",
        "",
    ],
)
def test_a_table_that_names_its_columns_stays_as_it_is(text: str) -> None:
    assert table_of(text) == text


def test_rows_of_a_spreadsheet_get_names() -> None:
    assert table_of("Do you ship?\tYes\nWhere?\tAll over") == (
        "Question\tAnswer\nDo you ship?\tYes\nWhere?\tAll over"
    )
    assert table_of('"Do you ship?","Yes, we do"') == (
        'Question,Answer\n"Do you ship?","Yes, we do"'
    )
    assert table_of("Why?\tSo\tTea\ten").startswith("Question\tAnswer\tCategory\tLanguage\n")


@pytest.mark.parametrize("sign", ["", '"'])
def test_a_line_that_is_longer_than_any_cell_is_no_head_of_a_table(sign: str) -> None:
    text = f"{sign}{'q' * 140_000}\nAnswer"
    assert table_of(text).startswith("Question\tAnswer\n")
