"""What people are called: the server and the browser agree on one table."""

import pytest
from django.utils import translation

from crm.core.ids import uuid7
from crm.core.text.person_names import initial, short_name
from crm.customers.models import Customer
from tests.js.node import run

NAMES = "chat/inbox/names.js"
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


def test_nameless_visitor_is_called_so_in_the_readers_language() -> None:
    """Messages and live rows hold the name in the language of whoever made them."""
    visitor = Customer(id=uuid7())
    stored = visitor.display_name
    end = stored.removeprefix("Visitor ")
    with translation.override("vi"):
        assert Customer.shown_name(stored, str(visitor.pk)) == f"Khách {end}"
        assert Customer.shown_name("Visitor from Hải Phòng", str(visitor.pk)) == (
            "Visitor from Hải Phòng"
        )
    shown = run(
        NAMES,
        "globalThis.gettext = (text) => text === 'Visitor' ? 'Khách' : text;"
        "return value.map(m.customerName);",
        [
            {"id": str(visitor.pk), "name": stored},
            {"id": str(visitor.pk), "name": "Minh"},
            {"id": "", "name": "Trợ lý"},
            {"id": str(visitor.pk), "name": ""},
        ],
    )
    assert shown == [f"Khách {end}", "Minh", "Trợ lý", ""]


def test_circle_holds_the_first_letter_of_what_somebody_is_called() -> None:
    names = ["Phạm Thu Linh", "Đỗ Quang Đông", "Paolo Magsino", "Ольга Верещагина", ""]
    letters = ["L", "Đ", "P", "О", "?"]
    assert [initial(name) for name in names] == letters
    assert run(NAMES, "return value.map(m.firstLetter);", names) == letters


def test_browser_calls_people_as_the_server_does() -> None:
    called = run(
        NAMES,
        "return value.map(([name, language]) => m.shortName(name, language));",
        [[name, language] for name, language, _called in CALLED],
    )
    assert called == [each for _name, _language, each in CALLED]
