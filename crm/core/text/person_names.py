"""Short names and initials from full names.

`static/chat/inbox/names.js` does the same in the browser; `tests/js/test_names.py` tests both with
one table.
"""

import unicodedata

from crm.core.text.normal_forms import normalize_form

VIETNAMESE_SURNAMES = frozenset(
    [
        "bùi",
        "cao",
        "châu",
        "chu",
        "chử",
        "cù",
        "đàm",
        "đặng",
        "đào",
        "đinh",
        "đoàn",
        "đỗ",
        "đồng",
        "dương",
        "giang",
        "hà",
        "hồ",
        "hoàng",
        "huỳnh",
        "kiều",
        "kim",
        "lã",
        "lạc",
        "lâm",
        "lê",
        "lục",
        "lương",
        "lưu",
        "lý",
        "mã",
        "mạc",
        "mai",
        "nghiêm",
        "ngô",
        "nguyễn",
        "ninh",
        "nông",
        "ông",
        "phạm",
        "phan",
        "phí",
        "phó",
        "phùng",
        "quách",
        "quản",
        "tạ",
        "tăng",
        "thạch",
        "thái",
        "thân",
        "thi",
        "tiêu",
        "tô",
        "tôn",
        "tống",
        "trần",
        "triệu",
        "trịnh",
        "trương",
        "từ",
        "văn",
        "viên",
        "võ",
        "vũ",
        "vương",
    ]
)
_WITHOUT_MARKS = frozenset(
    [
        "bui",
        "cao",
        "chau",
        "dam",
        "dang",
        "dao",
        "dinh",
        "doan",
        "do",
        "duong",
        "hoang",
        "huynh",
        "lam",
        "le",
        "luong",
        "luu",
        "ngo",
        "nguyen",
        "pham",
        "phan",
        "phung",
        "quach",
        "tran",
        "trieu",
        "trinh",
        "truong",
        "vo",
        "vu",
        "vuong",
    ]
)
_ONLY_VIETNAMESE = frozenset("ơưƠƯ") | {chr(code) for code in range(0x1EA0, 0x1EFA)}


def short_name(name: str, language_code: str = "") -> str:
    """Return the form of address: the last word of a Vietnamese name, the first of any other.

    ``language_code`` is the person's own, if known; otherwise letters and surnames decide.
    """
    words = normalize_form("NFC", name).split()
    if len(words) < 2:
        return "".join(words)
    return words[-1] if _is_vietnamese(words, language_code) else words[0]


def initial(name: str, language_code: str = "") -> str:
    """Return the first letter of the short name, for the avatar."""
    return (short_name(name, language_code) or "?")[0].upper()


def _is_vietnamese(words: list[str], language_code: str) -> bool:
    if not all(_is_latin(word) for word in words):
        return False
    if any(letter in _ONLY_VIETNAMESE for word in words for letter in word):
        return True
    surname = words[0].lower()
    if surname in VIETNAMESE_SURNAMES and not surname.isascii():
        return True
    # Surnames without marks are names elsewhere too: three words, or the person's own language.
    is_surname = surname in VIETNAMESE_SURNAMES or surname in _WITHOUT_MARKS
    return is_surname and (len(words) > 2 or language_code == "vi")


def _is_latin(word: str) -> bool:
    return all(
        not letter.isalpha() or unicodedata.name(letter, "").startswith("LATIN") for letter in word
    )
