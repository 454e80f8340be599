"""FAQs out of pasted text and tables: what is read, what is refused, and that nothing is lost."""

import random
import unicodedata
from dataclasses import replace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from crm.organizations.models import Membership, Organization
from knowledge.importing import MAX_ROWS, ImportRow, UnreadableFile, decode_file, read_text
from knowledge.models import Faq, FaqCategory
from knowledge.services import FaqContent, create_faq, import_rows

IMPORT = reverse("knowledge:import")


def read(text: str) -> list[tuple[int, str, str, str, str]]:
    rows = read_text(text, fallback_language="en").rows
    return [(row.line, row.question, row.answer, row.language, row.error) for row in rows]


def telling(row: ImportRow) -> tuple[str, ...]:
    return (row.question, row.answer, row.language, row.category, row.error)


def errors(text: str) -> list[tuple[int, str]]:
    return [(line, error) for line, _question, _answer, _language, error in read(text) if error]


@pytest.fixture
def as_owner(client: Client, owner: Membership) -> Client:
    client.force_login(owner.user)
    return client


def test_questions_parted_by_empty_lines() -> None:
    text = "Q: Do you deliver?\nA: Yes.\nEvery day.\n\n\nCó giao hàng không?\nCó, mỗi ngày."
    assert read(text) == [
        (1, "Do you deliver?", "Yes.\nEvery day.", "en", ""),
        (6, "Có giao hàng không?", "Có, mỗi ngày.", "vi", ""),
    ]


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
    ],
)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_marks_are_left_out_and_words_are_not(
    text: str, question: str, answer: str, form: Any
) -> None:
    (row,) = read_text(unicodedata.normalize(form, text), fallback_language="en").rows
    assert (row.question, row.answer, row.error) == (question, answer, "")


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_header_is_known_in_every_form(form: Any) -> None:
    table = "Câu\u00a0HỎI;Trả lời;Ngôn ngữ\nThế nào?;Thế\u000bnày;vi\nMấy giờ?;Chín;vi\n"
    assert read(unicodedata.normalize(form, table)) == [
        (2, "Thế nào?", "Thế\nnày", "vi", ""),
        (3, "Mấy giờ?", "Chín", "vi", ""),
    ]


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_a_table_with_a_header_in_any_order_and_language(sign: str) -> None:
    cells = [
        ["Ответ", "Вопрос", "Категория", "Язык"],
        ['"Да; в тот же день, или\nна следующий."', "Есть доставка?", "Доставка", "ru"],
        ["Yes", "Gift wrap?", "", "en-GB"],
    ]
    text = "\n".join(sign.join(row) for row in cells)
    assert read(text) == [
        (2, "Есть доставка?", "Да; в тот же день, или\nна следующий.", "ru", ""),
        (4, "Gift wrap?", "Yes", "en", ""),
    ]


def test_two_columns_of_a_spreadsheet_need_no_header() -> None:
    assert read("Do you ship?\tYes\nWhere?\tEverywhere") == [
        (1, "Do you ship?", "Yes", "en", ""),
        (2, "Where?", "Everywhere", "en", ""),
    ]
    assert read('"Do you ship?","Yes, we do"')[0][1:3] == ("Do you ship?", "Yes, we do")


def test_each_wrong_line_says_why() -> None:
    assert errors("question,answer,language\n,No,en\nWhy?,,en\nWho?,Me,de\nA,B,en,extra") == [
        (2, "The question is missing."),
        (3, "The answer is missing. Write it below the question, or in the next column."),
        (4, "“de” is not a language here. There are: en, vi, ru."),
        (5, "There are more cells than columns. Put a text with the sign in quotes."),
    ]
    assert errors("Only a question?")[0][0] == 1
    assert "500 characters" in errors("x" * 501 + "\nYes")[0][1]
    assert "5000 characters" in errors("Why?\n" + "x" * 5001)[0][1]


@pytest.mark.parametrize("text", ["", "\n \n", "question,answer\n"])
def test_a_text_without_questions_has_no_rows(text: str) -> None:
    assert read(text) == []


@pytest.mark.parametrize("sign", ["", '"'])
def test_a_line_that_is_longer_than_any_cell_is_no_head_of_a_table(sign: str) -> None:
    read = read_text(f"{sign}{'q' * 140_000}\nAnswer", fallback_language="en")
    assert [bool(row.error) for row in read.rows] == [True]


def test_what_waits_for_a_later_step_is_not_read_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """To read a row takes a while, and a file may hold a hundred thousand."""
    looked: list[str] = []

    def detect(text: str, *, fallback: str) -> str:
        looked.append(text)
        return fallback

    monkeypatch.setattr("knowledge.importing.detect_language", detect)
    for text in ("question,answer\n" + "q,a\n" * 2_000, "q\na\n\n" * 2_000):
        looked.clear()
        read = read_text(text, fallback_language="en")
        assert (len(looked), len(read.rows), len(read.later)) == (MAX_ROWS, MAX_ROWS, 1_500)
        assert read.rest().count("q") >= 1_500


def test_what_is_too_much_for_one_step_stays() -> None:
    text = "question,answer\n" + "\n".join(f"Q{n}?,A{n}" for n in range(MAX_ROWS + 2))
    found = read_text(text, fallback_language="en")
    assert len(found.rows) == MAX_ROWS
    assert (
        found.rest()
        == f"question,answer\nQ{MAX_ROWS}?,A{MAX_ROWS}\nQ{MAX_ROWS + 1}?,A{MAX_ROWS + 1}"
    )


# What texts are made of: blocks and their marks, heads and rows of tables, cells of several lines.
PIECES = [
    *("Why?", "Where?\tx", "A: so", "Q: how", "Q. a", "A. b", "В: x,question,answer", "Q:"),
    *('"a","b"', '"a";"b"', '"x","y', 'z","w"', "a,b", "q,a,c", "a\tb", "B\tc\td\te\tf", "\t", ","),
    *("question,answer", "x,question;answer", "question\tanswer\tlanguage", "question;answer"),
    *('question,answer,"note', 'more"', "a;b;xx", "q\ta\tc\txx", 'q\t"l1', 'l2"\tc\txx', "q\t"),
    *("", "", "", "  ", "\u00a0"),
]


def test_what_comes_back_is_read_as_the_same_rows() -> None:
    chance = random.Random(7)  # noqa: S311  the same texts each time
    for _number in range(1_000):
        text = "\n".join(chance.choices(PIECES, k=chance.randint(1, 8)))
        found = read_text(text, fallback_language="en")
        rows = [
            replace(row, is_answered_otherwise=chance.random() < 0.5, line=0) for row in found.rows
        ]
        left = [row for row in rows if row.error or row.is_answered_otherwise]
        rest = replace(found, rows=rows).rest()
        again = read_text(rest, fallback_language="en").rows
        assert [telling(row) for row in again] == [telling(row) for row in left], text


def test_two_questions_without_an_answer_stay_two(as_owner: Client) -> None:
    text = "Good?\nYes.\n\nWhere is the shop?\n\nWhen do you open?"
    page = as_owner.post(IMPORT, {"text": text, "step": "import"})
    assert page.context["form"]["text"].value() == "Where is the shop?\n\nWhen do you open?"
    assert page.context["wrong"] == 2


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Вопрос".encode(), "Вопрос"),
        (b"\xef\xbb\xbfQ", "Q"),
        ("Câu hỏi".encode("utf-16"), "Câu hỏi"),
    ],
)
def test_files_of_spreadsheets_are_decoded(content: bytes, text: str) -> None:
    assert decode_file(content) == text


@pytest.mark.parametrize("content", [b"PK\x03\x04rest", "Вопрос".encode("cp1251"), b"a\x00b"])
def test_files_that_would_lose_letters_are_refused(content: bytes) -> None:
    with pytest.raises(UnreadableFile, match="CSV UTF-8"):
        decode_file(content)


def test_owner_looks_then_imports(as_owner: Client, organization: Organization) -> None:
    category = FaqCategory.objects.create(organization=organization, name="Delivery", slug="d")
    text = "question,answer,category\nDo you ship?,Yes,delivery\nWhere?,Everywhere,Places"
    shown = as_owner.post(IMPORT, {"text": text, "step": "preview"})
    assert "2 FAQs can be imported." in shown.content.decode()
    assert Faq.objects.count() == 0
    answer = as_owner.post(IMPORT, {"text": text, "step": "import"}, follow=True)
    assert "2 FAQs were imported." in answer.content.decode()
    ship = Faq.objects.get(question="Do you ship?")
    assert (ship.category_id, ship.is_published, ship.answer) == (category.pk, True, "Yes")
    assert Faq.objects.get(question="Where?").category.name == "Places"  # type: ignore[union-attr]
    again = as_owner.post(IMPORT, {"text": text, "step": "import"})
    assert "2 are there already" in again.content.decode()
    assert Faq.objects.count() == 2


def test_a_question_that_is_there_in_other_letters_is_not_imported_again(
    as_owner: Client, owner: Membership
) -> None:
    content = FaqContent(question="Do you SHIP to Huế?", answer="Yes", language_code="en")
    create_faq(organization_id=owner.organization_id, content=content, by=owner)
    text = "question,answer,language\ndo you ship to huế?,Yes,en\nDo you ship to Hue?,Yes,en"
    answer = as_owner.post(IMPORT, {"text": text, "step": "import"}, follow=True)
    assert "1 FAQ was imported." in answer.content.decode()
    assert sorted(Faq.objects.values_list("question", flat=True)) == [
        "Do you SHIP to Huế?",
        "Do you ship to Hue?",
    ]


def test_what_a_colleague_imported_meanwhile_is_not_imported_again(owner: Membership) -> None:
    read = read_text("question,answer\nA?,1\nB?,2", fallback_language="en")
    mine = read.with_known(owner.organization_id).rows
    assert len(import_rows(by=owner, rows=mine[:1])) == 1
    assert [faq.question for faq in import_rows(by=owner, rows=mine)] == ["B?"]
    assert Faq.objects.count() == 2


def another_answer(owner: Membership, text: str) -> None:
    create_faq(
        organization_id=owner.organization_id,
        content=FaqContent(question=text, answer="A colleague's", language_code="en"),
        by=owner,
    )


def test_an_answer_whose_question_a_colleague_added_meanwhile_stays_in_the_field(
    as_owner: Client, owner: Membership
) -> None:
    text = "What is theta?\nTyped by hand\n\nWhat is iota?\nAnother"
    assert "2 FAQs can be imported." in as_owner.post(IMPORT, {"text": text}).content.decode()
    another_answer(owner, "WHAT IS THETA?")
    answer = as_owner.post(IMPORT, {"text": text, "step": "import"})
    assert answer.context["form"]["text"].value() == "What is theta?\nTyped by hand"
    assert "there already, with another answer" in answer.content.decode()
    told = dict(Faq.objects.values_list("question", "answer"))
    assert told == {"WHAT IS THETA?": "A colleague's", "What is iota?": "Another"}


def test_a_second_answer_to_one_question_of_a_text_stays_in_the_field(as_owner: Client) -> None:
    text = "question,answer\nWhy?,So\nWhy?,Not so\nwhy?,So"
    answer = as_owner.post(IMPORT, {"text": text, "step": "import"})
    assert answer.context["form"]["text"].value() == "question,answer\nWhy?,Not so"
    assert list(Faq.objects.values_list("answer", flat=True)) == ["So"]


def test_a_text_beside_a_file_is_refused_and_stays(as_owner: Client) -> None:
    file = SimpleUploadedFile("faqs.csv", b"question,answer\nFrom the file?,Yes")
    answer = as_owner.post(IMPORT, {"text": "Typed?\nBy hand", "file": file, "step": "import"})
    assert answer.status_code == 422
    assert answer.context["form"]["text"].value() == "Typed?\nBy hand"
    assert "There is text in the field as well." in answer.content.decode()
    assert not Faq.objects.exists()


def test_columns_that_are_left_out_are_named(as_owner: Client) -> None:
    text = "question,answer,Notes,answer\nWhy?,So,Ask Kim,Not so"
    read = read_text(text, fallback_language="en")
    assert (read.rows[0].answer, read.ignored) == ("So", ("Notes", "answer"))
    assert "<bdi>Notes</bdi>" in as_owner.post(IMPORT, {"text": text}).content.decode()


def test_many_rows_cost_no_more_queries_than_one(
    owner: Membership, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    def rows(first: int, last: int) -> list[ImportRow]:
        lines = "\n".join(f"Place {n}?,Yes,Delivery" for n in range(first, last))
        return read_text(f"question,answer,category\n{lines}", fallback_language="en").rows

    import_rows(by=owner, rows=rows(0, 1))
    for first, last in ((1, 2), (2, 50)):
        with django_assert_num_queries(22):
            import_rows(by=owner, rows=rows(first, last))
    assert Faq.objects.filter(category__name="Delivery").count() == 50
    assert FaqCategory.objects.count() == 1


def test_questions_with_one_key_get_keys_of_their_own(owner: Membership) -> None:
    text = "question,answer,language\nHuế?,1,en\nHue?,2,en\nHuệ?,3,en\nHue?,4,vi"
    import_rows(by=owner, rows=read_text(text, fallback_language="en").rows)
    keys = list(Faq.objects.order_by("answer").values_list("key", flat=True))
    # In another language, too: nobody said that these are one thing.
    assert keys[0] == "hue"
    assert len(set(keys)) == 4


def test_wrong_rows_come_back_in_the_field(as_owner: Client) -> None:
    text = "question,answer\nDo you ship?,Yes\nWhy?,\nWhere?,Here"
    answer = as_owner.post(IMPORT, {"text": text, "step": "import"})
    assert sorted(Faq.objects.values_list("question", flat=True)) == ["Do you ship?", "Where?"]
    assert answer.context["form"]["text"].value() == "question,answer\nWhy?,"
    assert "The answer is missing." in answer.content.decode()


def test_a_file_is_shown_in_the_field(as_owner: Client) -> None:
    file = SimpleUploadedFile("faqs.csv", "question;answer\nЕсть Wi-Fi?;Да".encode())
    answer = as_owner.post(IMPORT, {"file": file, "step": "preview"})
    assert "1 FAQ can be imported." in answer.content.decode()
    assert answer.context["form"]["text"].value() == "question;answer\nЕсть Wi-Fi?;Да"


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({}, "Paste your questions"),
        ({"text": " "}, "Paste your questions"),
        ({"text": "question,answer"}, "no question in this text"),
        ({"text": 'question,answer\n"open,Yes'}, "answer is missing"),
        ({"text": "a\x00b"}, "Null characters"),
    ],
)
def test_what_cannot_be_read_is_told(as_owner: Client, sent: Any, words: str) -> None:
    answer = as_owner.post(IMPORT, {"step": "import", **sent})
    assert answer.status_code in {200, 422}
    assert words in answer.content.decode()
    assert Faq.objects.count() == 0


def test_who_may_not_write_knowledge_may_not_import(client: Client, agent: Membership) -> None:
    client.force_login(agent.user)
    assert client.get(IMPORT).status_code == 403
    assert client.post(IMPORT, {"text": "Q?\nA", "step": "import"}).status_code == 403
