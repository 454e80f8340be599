"""Text has one form, whatever keyboard it was typed on."""

import random
import time
import unicodedata
from collections.abc import Callable

import pytest

from crm.core.text.addresses import ascii_email, normalize_email
from crm.core.text.folding import identity_key, search_key
from crm.core.text.normal_forms import normalize_form
from crm.core.text.normalization import (
    _SPACES,
    is_blank,
    isolate,
    normalize,
    normalize_line,
    normalize_password,
)
from crm.core.text.phones import normalize_phone

SURVIVORS = [
    "👨‍👩‍👧‍👦",
    "❤️‍🔥",
    "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "1️⃣",
    "🏳️‍🌈",
    "👩🏽‍💻",
    "🤷🏽‍♂️",
    "ℹ️",
    "می‌خواهم",
    "ක්‍ෂ",
    "葛󠄀",
    "Vũ Khánh Toàn, ỗ ợ ẩn",
    "Лунёва, йод",
    "10 000 ₽",
    "⠓⠑⠇⠇⠕⠀⠺⠕⠗⠇⠙",
]
INVISIBLE = [
    "",
    "\u00a0\n\t",
    "\u200b",
    "\u2800",
    "\u3164",
    "\u115f\u1160\uffa0",
    "\u202e",
    "\u200d",
    "\ufe0f",
    "\U000e0041",
    "\u0001",
    "\u2062\u00ad\u180e\u034f",
]
AWKWARD = (
    "aeк\u0301\u0306 \u00a0\u200b\u200c\u200d\ufe0f\ufe0e\u2800\u3164\U0001f3f4\U000e0067\U000e007f"
    "👩💻🏽\u202e\r\n1كب\u0915\u094d葛\u0343\u1100\u1160\u1161Ω\u212b\u180b\u2028"
)


@pytest.mark.parametrize("text", SURVIVORS)
def test_what_has_a_meaning_survives(text: str) -> None:
    assert normalize(unicodedata.normalize("NFD", text)) == text


@pytest.mark.parametrize("text", INVISIBLE)
def test_text_without_anything_to_see_is_empty(text: str) -> None:
    assert is_blank(text)
    assert (normalize(text), normalize_line(text), identity_key(text)) == ("", "", "")


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("Vu\u0303 Kha\u0301nh", "Vũ Khánh"),
        ("e\u200b\u0301", "é"),
        (" \u00a0a\r\nb\rc\u2028d\u2800", "a\nb\nc\nd"),
        ("\u202egro.elpmaxe\u202c", "gro.elpmaxe"),
        ("a\u200db\ufe0f", "ab"),
        ("10\u00a0000", "10\u00a0000"),
    ],
)
def test_typed_text_gets_its_one_form(typed: str, stored: str) -> None:
    assert normalize(typed) == stored


def test_line_has_single_plain_spaces() -> None:
    assert normalize_line("\u3000Vũ\u00a0\u2003Khánh\n Toàn\t") == "Vũ Khánh Toàn"


def test_normalizing_twice_changes_nothing_more() -> None:
    chance = random.Random(20)  # noqa: S311
    for _round in range(5_000):
        text = "".join(chance.choices(AWKWARD, k=chance.randint(0, 8)))
        for form in (normalize, normalize_line, identity_key, search_key, normalize_email):
            assert form(form(text)) == form(text), (form.__name__, ascii(text))
        assert is_blank(text) == (normalize(text) == ""), ascii(text)
        assert identity_key(normalize_line(text)) == identity_key(text), ascii(text)


def test_identity_keeps_accents_and_forgets_case_and_width() -> None:
    assert identity_key("BO\u0300") == identity_key("bò") == identity_key("\u200bBò\u00a0")
    assert identity_key("Ａｎｎａ") == identity_key("anna")
    assert len({identity_key(name) for name in ("Bò", "Bơ", "Bỏ", "Bo", "Елка", "Йод", "Иод")}) == 7


# Where old and new spelling put the tone, and where people put it by mistake.
PLACES = [
    ("Hóa", "Hoá"),
    ("hòa bình", "hoà bình"),
    ("Tỏa", "Toả"),
    ("đọa", "đoạ"),
    ("lõa", "loã"),
    ("nghóe", "nghoé"),
    ("khỏe", "khoẻ"),
    ("xòe", "xoè"),
    ("LÒE LOẸT", "LOÈ LOẸT"),
    ("Thủy", "Thuỷ"),
    ("Thúy-Lũy", "Thuý-Luỹ"),
    ("tùy", "tuỳ"),
    ("Ủy ban", "Uỷ ban"),
    ("trụy", "truỵ"),
    ("Quý", "Qúy"),
    ("quà", "qùa"),
    ("quỷ", "qủy"),
    ("Già", "Gìa"),
    ("giờ", "gìơ"),
    ("Hòa 2, hóa(3)", "Hoà 2, hoá(3)"),
    ("Пётр", "Петр"),
    ("ёлка", "Елка"),
]
# Another tone, another vowel, a final consonant, a vowel that keeps its tone, another language.
NOT_THE_SAME = [
    ("Hòa", "Hóa"),
    ("Hoà", "Hoa"),
    ("Hóan", "Hoán"),
    ("Thúyt", "Thuýt"),
    ("múa", "muá"),
    ("của", "cuả"),
    ("mía", "miá"),
    ("thúi", "thuí"),
    ("Quý", "Quỳ"),
    ("gì", "gi"),
    ("Bò", "Bơ"),
    ("Lisbóa", "Lisboá"),
    ("Йод", "Иод"),
]


@pytest.mark.parametrize(("one", "other"), PLACES)
def test_a_tone_in_another_place_and_io_are_the_same_name(one: str, other: str) -> None:
    assert normalize_line(one) != normalize_line(other)
    assert identity_key(one) == identity_key(other) == identity_key(identity_key(one))


@pytest.mark.parametrize(("one", "other"), NOT_THE_SAME)
def test_other_letters_are_another_name(one: str, other: str) -> None:
    assert identity_key(one) != identity_key(other)


@pytest.mark.parametrize("sign", "\u2019\u2018\u02bc\u02bb\u2032\u00b4`\uff07\u201b")
def test_identity_knows_one_apostrophe(sign: str) -> None:
    assert identity_key(f"O{sign}Brien") == identity_key("O'Brien") != identity_key("OBrien")
    assert search_key(f"O{sign}Brien") == "o'brien"


def test_identity_knows_one_blank() -> None:
    names = ["Anna Lee", "Anna\u2800Lee", "Anna \u2800 Lee", "Anna Lee\u2800", "Anna\u3164 Lee"]
    assert {identity_key(name) for name in names} == {"anna lee"}


@pytest.mark.parametrize(
    "text", ["\u0301", "\u20dd\u0300", "\u0378", "\ufdd0", "\U000ef000", "\u093e"]
)
def test_mark_without_a_letter_and_what_is_no_letter_are_empty(text: str) -> None:
    assert is_blank(text)
    assert (normalize(text), normalize_line(f" {text}\u2800"), identity_key(text)) == ("", "", "")
    assert normalize(f"a{text}") != ""


@pytest.mark.parametrize("text", ["\U0001fae8", "\U0001fadc"])
def test_emoji_newer_than_the_table_are_seen(text: str) -> None:
    assert normalize(text) == text
    assert not is_blank(text)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Vũ Khánh Toàn", "vu khanh toan"),
        ("ĐÀO Đình", "dao dinh"),
        ("Лунёва", "лунева"),
        ("ЙОД и\u0306од", "йод йод"),
        ("Straße Øre", "strasse ore"),
        ("за\u0301мок", "замок"),
        ("हिन्दी", "हिन्दी"),
    ],
)
def test_search_key_has_no_case_and_no_accents(text: str, key: str) -> None:
    assert search_key(text) == key


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        (" Kim\u200b@Example.COM ", "kim@example.com"),
        ("kim@XN--E1AFMKFD.example", "kim@пример.example"),
        ("kim@ПРИМЕР。example", "kim@пример.example"),
        ("kim@straße.de", "kim@straße.de"),
        # Registered, though the rules of domains refuse them: as browsers send them.
        ("kim@☕.us", "kim@xn--53h.us"),
        ("kim@I❤.ws", "kim@xn--i-7iq.ws"),
        ("kim@XN--53H.us", "kim@xn--53h.us"),
        ("kim@ab--cd.РФ", "kim@ab--cd.рф"),
        ("kim@ab--cd.xn--p1ai", "kim@ab--cd.рф"),
        ("kim@ᏣᎳᎩ.example", "kim@ꮳꮃꭹ.example"),
        ("kim@ꮳꮃꭹ.example", "kim@ꮳꮃꭹ.example"),
        ("kim@localhost_1", "kim@localhost_1"),
        ("kim@[127.0.0.1]", "kim@[127.0.0.1]"),
        ("Kim", "kim"),
        ("kim@", "kim@"),
    ],
)
def test_address_has_one_form(typed: str, stored: str) -> None:
    assert normalize_email(typed) == stored
    assert normalize_email(stored) == stored


@pytest.mark.parametrize("typed", ["☕.us", "xn--53h.us", "XN--53H.us"])
def test_a_domain_with_a_pictograph_is_searched_for_in_either_form(typed: str) -> None:
    assert search_key(typed) == search_key(normalize_email("kim@☕.us").partition("@")[2])


def test_address_is_sent_to_the_domain_that_was_meant() -> None:
    assert ascii_email("kim@пример.example") == "kim@xn--e1afmkfd.example"
    assert ascii_email("kim@straße.de") == "kim@xn--strae-oqa.de"
    assert ascii_email("kim@☕.пример.example") == "kim@xn--53h.xn--e1afmkfd.example"
    assert ascii_email("kim@ꮳꮃꭹ.example") == "kim@xn--f9dt7l.example"
    assert ascii_email("kim@example.com") == "kim@example.com"


def test_phone_number_of_a_typesetter_is_that_of_a_keyboard() -> None:
    typed = "+7\u00a0(495)\u202f123\u201145\u201367"
    assert normalize_phone(typed) == "+7 (495) 123-45-67"
    assert normalize_phone("＋84 ２４ 1234") == "+84 24 1234"


def test_password_is_composed_and_otherwise_as_typed() -> None:
    assert normalize_password(" Bo\u0300\u00a0\u200b ") == " Bò \u200b "


def test_isolated_text_cannot_turn_its_sentence() -> None:
    assert isolate("\u202eevil\u2069\u202c") == "evil"
    assert isolate("سارة \u202e(1)") == "\u2068سارة (1)\u2069"
    assert isolate("") == ""


def test_spaces_are_what_python_takes_for_them() -> None:
    assert {letter for letter in map(chr, range(0x110000)) if letter.isspace()} == set(_SPACES)


@pytest.mark.parametrize(
    "forms",
    [normalize, normalize_line, normalize_email, normalize_password, identity_key, search_key],
)
@pytest.mark.parametrize(
    ("first", "repeated", "last"),
    [
        ("a", " " * 30, "b"),
        ("a", "\n" * 30, "b"),
        ("a", "\u3164" * 30, "b"),
        ("a", "\u0301\u0323" * 15, ""),
        ("a", "\u0301\u0323" * 15 + "\u200d", ""),
        ("ك", "\u064b\u0650" * 15 + "\u200d", ""),
        ("\u0f40", "\u0f73" * 30, ""),
    ],
    ids=["spaces", "lines", "fillers", "marks", "parted marks", "joined marks", "double marks"],
)
def test_a_long_text_takes_no_longer_than_it_is_long(
    forms: Callable[[str], str], first: str, repeated: str, last: str
) -> None:
    """Python looks at such a text for minutes, and nothing else of the process works meanwhile.

    Eight times the text may take eight times the processor's time, not sixty-four times; on a busy
    machine the one or the other takes twice as long as it would.
    """

    def seconds(times: int) -> float:
        text = first + repeated * times + last
        taken = []
        for _attempt in range(3):
            began = time.thread_time()
            forms(text)
            taken.append(time.thread_time() - began)
        return min(taken)

    assert seconds(400) < 24 * seconds(50) + 0.01


def test_marks_in_order_are_the_same_text() -> None:
    chance = random.Random(20)  # noqa: S311  the same texts each time
    marks = [chr(code) for code in range(0x300, 0x1EFFF) if unicodedata.combining(chr(code))]
    for _round in range(50):
        letters = [*chance.sample(marks, 5), "\u0344", "\u0f73"]
        text = "".join(
            chance.choice(letters) if chance.random() < 0.98 else chance.choice("aấ가क")
            for _number in range(300)
        )
        for name in ("NFC", "NFD", "NFKC"):
            assert normalize_form(name, text) == unicodedata.normalize(name, text)
        assert normalize(normalize(text)) == normalize(text)
