"""Detection of a short text's language."""

import re

from knowledge.tokenizer import normalized, words

LANGUAGES = ("en", "vi", "ru")
DEFAULT = "en"

_CYRILLIC = re.compile(r"[Ѐ-ӿ]")
_LATIN = re.compile(r"[a-zà-ɏḀ-ỹ]", re.IGNORECASE)
# Letters that of our languages only Vietnamese has; é or ô alone may be a café or a rôle.
_VIETNAMESE = re.compile(r"[ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịĩọỏốồổỗộớờởỡợụủũứừửữựỳỵỷỹ]", re.IGNORECASE)
# Frequent words, Vietnamese without marks; those of both languages (the, may, do) are left out.
_VIETNAMESE_WORDS = frozenset(
    words(
        """
        khong co la bao nhieu nao minh cho duoc gi nhu voi dau giao hang don gui mua tien phi lam
        sao muon toi den nay nhe va cua roi chua ngay gio shop oi loai ca phe cai nguoi nhan vien
        noi chuyen hoi xin chao cam doi tra huy dia chi thanh toan quan ban cach pha ha noi thi vay
        khi hoa
        """
    )
)
_ENGLISH_WORDS = frozenset(
    words(
        """
        the is are was do does did you your i my me we it to of in on at for and or with can could
        would how what when where which who why will have has this that there if not please get from
        by about much many need want order delivery ship shipping coffee return hello hi thanks
        thank talk person help open price pay
        """
    )
)


def detect_language(text: str, *, fallback: str) -> str:
    """Return en, vi or ru; ``fallback`` for text without evidence, such as "ok?" or "BZ-20481"."""
    fallback = fallback if fallback in LANGUAGES else DEFAULT
    cyrillic, latin = len(_CYRILLIC.findall(text)), len(_LATIN.findall(text))
    if cyrillic > latin:
        return "ru"
    if not latin:
        return fallback
    found = [normalized(word) for word in words(text)]
    vietnamese = sum(word in _VIETNAMESE_WORDS for word in found)
    vietnamese += 2 * len(_VIETNAMESE.findall(text))
    english = sum(word in _ENGLISH_WORDS for word in found)
    if vietnamese == english:
        return fallback
    return "vi" if vietnamese > english else "en"
