"""What people are called: the server and the browser agree on one table."""

import pytest
from playwright.sync_api import Page

from config.person_names import initial, short_name

CALLED = [
    ("Vũ Khánh Toàn", "", "Toàn"),
    ("Nguyễn Thị Minh Khai", "", "Khai"),
    ("Đỗ Hà", "", "Hà"),
    ("Lê Tám", "", "Tám"),
    ("Trần An", "", "An"),
    ("Nguyen Van An", "", "An"),
    ("Nguyen An", "", "Nguyen"),
    ("Nguyen An", "vi", "An"),
    ("Ngọc Lan Phương", "", "Phương"),
    ("Anna Lunyova", "", "Anna"),
    ("Anna Lunyova", "vi", "Anna"),
    ("Лунёва Анна", "", "Лунёва"),
    ("Анна Лунёва", "vi", "Анна"),
    ("José García Márquez", "", "José"),
    ("Kim Smith", "", "Kim"),
    ("Maria Clara Santos", "", "Maria"),
    ("Đorđe Petrović", "", "Đorđe"),
    ("Linh", "", "Linh"),
    ("  Vũ   Khánh  Toàn ", "", "Toàn"),
    ("Vu\u0303 Kha\u0301nh Toa\u0300n", "", "Toàn"),
    ("", "", ""),
]


@pytest.mark.parametrize(("name", "language", "called"), CALLED)
def test_vietnamese_are_called_by_their_last_name(name: str, language: str, called: str) -> None:
    assert short_name(name, language) == called


def test_circle_holds_the_first_letter_of_what_somebody_is_called(page: Page) -> None:
    names = ["Phạm Thu Linh", "Đỗ Quang Đông", "Paolo Magsino", "Ольга Верещагина", ""]
    letters = ["L", "Đ", "P", "О", "?"]
    assert [initial(name) for name in names] == letters
    shown = page.evaluate(
        "async (names) => {"
        " const m = await import('/chat/inbox/names.js'); return names.map(m.firstLetter); }",
        names,
    )
    assert shown == letters


def test_browser_calls_people_as_the_server_does(page: Page) -> None:
    called = page.evaluate(
        "async (cases) => {"
        " const m = await import('/chat/inbox/names.js');"
        " return cases.map(([name, language]) => m.shortName(name, language)); }",
        [[name, language] for name, language, _called in CALLED],
    )
    assert called == [each for _name, _language, each in CALLED]
