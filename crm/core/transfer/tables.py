"""Tables of uploaded files: CSV in several encodings, and workbooks.

Whatever a file holds, reading it takes bounded memory: a workbook is read in a process of its own.
"""

import csv
import io
import json
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, cast

from django.utils.translation import gettext as _

from crm.core.transfer import workbooks
from crm.core.transfer.errors import ImportFileInvalid

MAX_BYTES = 20 * 1024 * 1024
MAX_ROWS = 200_000
MAX_COLUMNS = 100
MAX_CELL = 10_000
MAX_UNPACKED = 200 * 1024 * 1024
ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "cp1251": "Windows-1251",
    "cp1252": "Windows-1252",
    "cp1258": "Windows-1258",
}
DELIMITERS = {",": ",", ";": ";", "\t": "Tab", "|": "|"}
_GUESSED_BY = 64 * 1024
_ROWS_GUESSED_BY = 30
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# Letters of Windows code pages beside each other, and beside letters of ASCII. Words in Latin
# letters mix both, Russian ones do not.
_HIGH = re.compile(rb"[\xc0-\xff]")
_HIGH_PAIR = re.compile(rb"(?=[\xc0-\xff]{2})")
_MIXED_PAIR = re.compile(rb"(?=[A-Za-z][\xc0-\xff]|[\xc0-\xff][A-Za-z])")
# Words with bytes that are letters or tones of Vietnamese in Windows-1258, others in Windows-1252.
_WORD_OF_1258 = re.compile(
    rb"[A-Za-z\xc0-\xff]*[\xc3\xcc\xd0\xd2\xd5\xdd\xde\xe3\xec\xf0\xf2\xf5\xfd][A-Za-z\xc0-\xff]*"
)
# One syllable, as every Vietnamese word is written: a tone follows its vowel, "\u0103" a consonant.
_SYLLABLE = re.compile(
    rb"(?:ngh?|nh|ch|c(?![eiy])|th|tr|ph|kh|gh?|qu|[bdhklmnrstvx\xd0\xf0])?"
    rb"(?:(?:[aeiouy\xc0-\xc2\xc8-\xca\xcd\xd3-\xd5\xd9\xda\xdd\xe0-\xe2\xe8-\xea\xed\xf3-\xf5\xf9\xfa\xfd]"
    rb"|[\xc3\xe3](?=[\xcc\xd2\xde\xec\xf2]?[cmnpt]))[\xcc\xd2\xde\xec\xf2]?){1,3}"
    rb"(?:ch|ng|nh|[cmnpt])?",
    re.IGNORECASE,
)
# Of a row of a workbook: letters take up to four bytes, control characters six.
_LONGEST_LINE = MAX_COLUMNS * MAX_CELL * 6 + 1_000


@dataclass(frozen=True, slots=True)
class Table:
    """``rows`` yields (number, cells) without empty rows; the number is that of a spreadsheet."""

    encoding: str
    delimiter: str
    columns: list[str]
    rows: Iterator[tuple[int, list[str]]]


def read_table(content: bytes, *, encoding: str = "", delimiter: str = "") -> Table:
    """Return the table of a file; what is not told is guessed. Raise ImportFileInvalid.

    Errors inside the table are raised while its rows are read.
    """
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise ImportFileInvalid(
            _("This is a workbook of an old format, or one with a password. Save it as XLSX.")
        )
    if content.startswith(b"PK\x03\x04"):
        return _table("", "", _workbook_rows(content))
    encoding = encoding or guess_encoding(content)
    text = _decoded(content, encoding)
    delimiter = delimiter or guess_delimiter(text)
    return _table(encoding, delimiter, _csv_rows(text, delimiter))


def guess_encoding(content: bytes) -> str:
    """Return the name of the encoding, one of ENCODINGS."""
    start = content[:_GUESSED_BY]
    # Without a mark: about half of the bytes of Latin text are zero then.
    if content.startswith(_UTF_16_MARKS) or start.count(0) > len(start) / 4:
        return "utf-16"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        pairs, mixed = len(_HIGH_PAIR.findall(start)), len(_MIXED_PAIR.findall(start))
        if _HIGH.search(start) and mixed <= pairs / 2:
            return "cp1251"
        words = _WORD_OF_1258.findall(start)
        syllables = sum(_SYLLABLE.fullmatch(word) is not None for word in words)
        return "cp1258" if syllables > len(words) / 2 else "cp1252"
    return "utf-8"


def guess_delimiter(text: str) -> str:
    """Return the delimiter by which the first rows have the same, and the most, columns."""
    lines = text[:_GUESSED_BY].splitlines()[:_ROWS_GUESSED_BY]
    best = (0, 0, ",")
    for rank, delimiter in enumerate(DELIMITERS):
        try:
            widths = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter) if row)
        except csv.Error:
            continue
        width, count = widths.most_common(1)[0] if widths else (0, 0)
        if width > 1:
            best = max(best, (count * width, -rank, delimiter))
    return best[2]


def _decoded(content: bytes, encoding: str) -> str:
    if encoding not in ENCODINGS:
        raise ImportFileInvalid
    if encoding == "utf-16" and not content.startswith(_UTF_16_MARKS):
        # Without a mark: every second byte of Latin text is zero, the first one in big-endian.
        encoding = "utf-16-be" if content[:1] == b"\x00" else "utf-16-le"
    try:
        text = content.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError:
        raise ImportFileInvalid(
            _("The file is not in this encoding. Choose another one, or save it as “CSV UTF-8”.")
        ) from None
    if "\x00" in text:
        raise ImportFileInvalid(_("This is neither a CSV file nor a workbook."))
    return unicodedata.normalize("NFC", text)


def _table(encoding: str, delimiter: str, rows: Iterator[tuple[int, list[str]]]) -> Table:
    numbered = _checked(rows)
    _number, columns = next(numbered, (0, []))
    while columns and not columns[-1]:
        columns.pop()
    if not columns:
        raise ImportFileInvalid(_("The file is empty: its first row has to name the columns."))
    columns = [
        name or _("Column %(number)d") % {"number": number}
        for number, name in enumerate(columns, 1)
    ]
    twice = [name for name, count in Counter(columns).items() if count > 1]
    if twice:
        raise ImportFileInvalid(
            _("Two columns are called “%(name)s”. Rename one of them.") % {"name": twice[0][:100]}
        )
    return Table(encoding, delimiter, columns, _of_width(numbered, len(columns)))


def _checked(rows: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that hold something. Raise ImportFileInvalid beyond a limit."""
    found = 0
    for number, row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        found += 1
        if len(cells) > MAX_COLUMNS and any(cells[MAX_COLUMNS:]):
            raise _too_wide()
        if found > MAX_ROWS + 1:
            raise _too_long()
        if any(len(cell) > MAX_CELL for cell in cells):
            raise ImportFileInvalid(
                _("A cell of row %(row)d is longer than %(most)d characters.")
                % {"row": number, "most": MAX_CELL}
            )
        yield number, cells[:MAX_COLUMNS]


def _of_width(rows: Iterator[tuple[int, list[str]]], width: int) -> Iterator[tuple[int, list[str]]]:
    for number, cells in rows:
        if any(cells[width:]):
            raise ImportFileInvalid(
                _("Row %(row)d has more cells than there are columns. Is the delimiter right?")
                % {"row": number}
            )
        yield number, (cells + [""] * width)[:width]


def _csv_rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    if delimiter not in DELIMITERS:
        raise ImportFileInvalid
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        yield from enumerate(reader, 1)
    except csv.Error:
        raise ImportFileInvalid(
            _("Line %(line)d cannot be read: a quotation mark is missing, or a cell is too long.")
            % {"line": reader.line_num}
        ) from None


def _workbook_rows(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield what the process of `workbooks` reads; its death is a refusal, too."""
    reader = subprocess.Popen(  # noqa: S603 - our own program, no shell
        [sys.executable, "-I", workbooks.__file__, str(MAX_UNPACKED)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # Keys pressed at the terminal of a worker are not for it.
        start_new_session=True,
    )
    given, read = cast("IO[bytes]", reader.stdin), cast("IO[bytes]", reader.stdout)
    try:
        with suppress(BrokenPipeError), given:
            given.write(content)
        while line := read.readline(_LONGEST_LINE):
            if not line.endswith(b"\n"):
                reader.kill()
                break
            number, cells = json.loads(line)
            yield number, cells
        code = reader.wait()
    finally:
        reader.kill()
        read.close()
        reader.wait()
    if code:
        raise _unread(code)


def _unread(code: int) -> ImportFileInvalid:
    """Return the reason for a code of `workbooks`; it is negative for a signal."""
    if code == workbooks.NO_WORKBOOK:
        return ImportFileInvalid()
    if code == workbooks.HAS_PASSWORD:
        return ImportFileInvalid(_("The workbook has a password. Save it without one."))
    if code == workbooks.TOO_LARGE or code < 0:
        return ImportFileInvalid(
            _("The workbook is too large. Save its first sheet as CSV, or import it in parts.")
        )
    return ImportFileInvalid(
        _("The workbook is damaged. Open it in a spreadsheet, and save it anew.")
    )


def _too_long() -> ImportFileInvalid:
    return ImportFileInvalid(
        _("The file has more than %(most)d rows. Import it in several parts.") % {"most": MAX_ROWS}
    )


def _too_wide() -> ImportFileInvalid:
    return ImportFileInvalid(
        _("The file has more than %(most)d columns. Delete those that are not imported.")
        % {"most": MAX_COLUMNS}
    )
