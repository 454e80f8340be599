"""Phone numbers as they are written on a keyboard."""

import re

from crm.core.text.folding import DASHES
from crm.core.text.normal_forms import normalize_form
from crm.core.text.normalization import normalize_line

# What a phone number is written with, once it is normalized: "(+84) 24 3825 1234 ext. 12". May be
# empty.
PHONE = r"^(?:\(?\+?[ ()./-]*[0-9][0-9 ()./-]*(?: ext\. [0-9]{1,6})?)?$"
# What people write between a number and its extension, with and without accents.
EXTENSION = re.compile(
    r"(?<=[0-9]{2})[) ,;]*\(?(?:доб(?:авочный)?\b|вн(?:утр(?:енний)?)?\b|ext(?:ension)?(?![^\W\d])"
    r"|x(?=[ .]*[0-9])|#|m[áa]y l[ẻe]\b|s[ốo] l[ẻe]\b|n[ộo]i b[ộo]\b)[ .:#=]*([0-9]{1,6})\)?(?!\w)",
    re.IGNORECASE,
)


def normalize_phone(number: str) -> str:
    """Return a phone number in one line with ASCII hyphens and digits: typesetters put others.

    An extension ("доб. 12", "máy lẻ 12", "#12") becomes "ext. 12".
    """
    # NFKC makes "No" of the sign.
    line = normalize_line(number).translate(DASHES).replace("№", "#")
    line = normalize_line(normalize_form("NFKC", line))
    extension = EXTENSION.search(line)
    if extension is None or extension.end() < len(line):
        return line
    return f"{line[: extension.start()]} ext. {extension[1]}"
