"""Tables of uploaded files: CSV in several encodings, and workbooks.

What a file costs is bounded by the process that parses it: see `crm.core.transfer.reading`.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from django.utils.translation import gettext as _

from crm.core.text.normal_forms import normalize_form
from crm.core.text.normalization import is_too_long
from crm.core.transfer.errors import ImportFileInvalid
from crm.core.transfer.workbooks import workbook_rows

MAX_BYTES = 20 * 1024 * 1024
MAX_ROWS = 200_000
MAX_COLUMNS = 100
MAX_CELL = 10_000
# Of all cells, in UTF-8: a workbook may repeat one text in each of its cells.
MAX_TEXT = 100 * 1024 * 1024
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
# Of a long file without UTF-8, so many places with letters beyond ASCII are looked at.
_PLACES = 64
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# Letters of Windows code pages beside each other, and beside letters of ASCII. Words in Latin
# letters mix both, Russian ones do not.
_HIGH = re.compile(rb"[\xc0-\xff]")
_HIGH_PAIR = re.compile(rb"(?=[\xc0-\xff]{2})")
_MIXED_PAIR = re.compile(rb"(?=[A-Za-z][\xc0-\xff]|[\xc0-\xff][A-Za-z])")
# Words with bytes that are letters or tones of Vietnamese in Windows-1258, others in Windows-1252.
_WORD = re.compile(rb"[A-Za-z\xc0-\xff]+")
_OF_1258 = re.compile(rb"[\xc3\xcc\xd0\xd2\xd5\xdd\xde\xe3\xec\xf0\xf2\xf5\xfd]")
# One syllable, as every Vietnamese word is written: a tone follows its vowel, "\u0103" a consonant.
_SYLLABLE = re.compile(
    rb"(?:ngh?|nh|ch|c(?![eiy])|th|tr|ph|kh|gh?|qu|[bdhklmnrstvx\xd0\xf0])?"
    rb"(?:(?:[aeiouy\xc0-\xc2\xc8-\xca\xcd\xd3-\xd5\xd9\xda\xdd\xe0-\xe2\xe8-\xea\xed\xf3-\xf5\xf9\xfa\xfd]"
    rb"|[\xc3\xe3](?=[\xcc\xd2\xde\xec\xf2]?[cmnpt]))[\xcc\xd2\xde\xec\xf2]?){1,3}"
    rb"(?:ch|ng|nh|[cmnpt])?",
    re.IGNORECASE,
)
_QUOTED = re.compile(r'"(?:[^"]|"")*+"')
_LINE_END = re.compile(r"\r\n?|\n")


@dataclass(frozen=True, slots=True)
class Table:
    """``rows`` yields (number, cells) without empty rows; the number is that of a spreadsheet."""

    encoding: str
    delimiter: str
    columns: list[str]
    rows: Iterator[tuple[int, list[str]]]


def is_workbook(content: bytes) -> bool:
    return content.startswith(b"PK\x03\x04")


def parse_table(content: bytes, *, encoding: str = "", delimiter: str = "") -> Table:
    """Return the table of a file; what is not given is guessed. Raise ImportFileInvalid.

    Errors inside the table are raised while its rows are read. Only a process with limits calls
    this, for `crm.core.transfer.reading.read_table`.
    """
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise ImportFileInvalid(
            _("This is a workbook of an old format, or one with a password. Save it as XLSX.")
        )
    if is_workbook(content):
        return _table("", "", workbook_rows(content, MAX_UNPACKED))
    encoding = encoding or guess_encoding(content)
    text = _decoded(content, encoding)
    delimiter = delimiter or guess_delimiter(text)
    return _table(encoding, delimiter, _csv_rows(text, delimiter))


def guess_encoding(content: bytes) -> str:
    """Return the name of the encoding, one of ENCODINGS."""
    if content.startswith(_UTF_16_MARKS) or _is_utf_16(content[:_GUESSED_BY]):
        return "utf-16"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        found = _around_letters(content)
        pairs, mixed = len(_HIGH_PAIR.findall(found)), len(_MIXED_PAIR.findall(found))
        if _HIGH.search(found) and mixed <= pairs / 2:
            return "cp1251"
        # One expression for both would be tried at each letter of a long word.
        words = [word for word in _WORD.findall(found) if _OF_1258.search(word)]
        syllables = sum(_SYLLABLE.fullmatch(word) is not None for word in words)
        return "cp1258" if syllables > len(words) / 2 else "cp1252"
    return "utf-8"


def _is_utf_16(start: bytes) -> bool:
    """Return whether text without a mark is in UTF-16: in each of its characters of ASCII, of which
    every table has some, the same byte of both is zero.
    """
    start = start[: len(start) // 2 * 2]
    zeros = sorted((start[::2].count(0), start[1::2].count(0)))
    if zeros[1] <= len(start) / 100 or zeros[0] > zeros[1] / 10:
        return False
    text = start.decode(_order_of(start), errors="replace")
    shown = sum(letter.isprintable() or letter in "\t\r\n\ufeff" for letter in text)
    return shown > 0.99 * len(text)


def _order_of(content: bytes) -> str:
    """Return in which order of bytes text in UTF-16 without a mark has more of ASCII."""
    is_big = content[::2].count(0) > content[1::2].count(0)
    return "utf-16-be" if is_big else "utf-16-le"


def _around_letters(content: bytes) -> bytes:
    """Return at most _GUESSED_BY bytes of a file, from all over it, that begin at letters beyond
    ASCII: they may stand far behind its beginning.
    """
    room = _GUESSED_BY // _PLACES
    width = max(-(-len(content) // _PLACES), room)
    found = []
    for start in range(0, len(content), width):
        letter = _HIGH.search(content, start, start + width)
        if letter:
            # With the letter before it: what is beside each other tells the encodings apart.
            at = max(letter.start() - 1, start)
            found.append(content[at : min(at + room, start + width)])
    return b"\n".join(found)


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
        encoding = _order_of(content)
    try:
        text = content.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError:
        raise ImportFileInvalid(
            _("The file is not in this encoding. Choose another one, or save it as “CSV UTF-8”.")
        ) from None
    if "\x00" in text:
        raise ImportFileInvalid(_("This is neither a CSV file nor a workbook."))
    return text


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
    """Yield the rows that hold something, normalized. Raise ImportFileInvalid beyond a limit."""
    found = size = 0
    for number, row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        found += 1
        if len(cells) > MAX_COLUMNS and any(cells[MAX_COLUMNS:]):
            raise _too_wide()
        if found > MAX_ROWS + 1:
            raise _too_long()
        cells = [_normalized(cell, number) for cell in cells[:MAX_COLUMNS]]
        size += sum(len(cell.encode()) for cell in cells)
        if size > MAX_TEXT:
            raise ImportFileInvalid(
                _("The file has more than %(most)d MB of text. Import it in several parts.")
                % {"most": MAX_TEXT // 1024**2}
            )
        yield number, cells


def _normalized(cell: str, number: int) -> str:
    """Return a cell of row ``number`` composed. Raise ImportFileInvalid for one that is too long,
    before any work with it.
    """
    if not is_too_long(cell, MAX_CELL):
        cell = normalize_form("NFC", cell)
        if len(cell) <= MAX_CELL:
            return cell
    raise ImportFileInvalid(
        _("A cell of row %(row)d is longer than %(most)d characters.")
        % {"row": number, "most": MAX_CELL}
    )


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
    # Strict: otherwise a quotation mark that is missing joins rows, without a word.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    read = 0
    try:
        for number, row in enumerate(reader, 1):
            yield number, row
            read = reader.line_num
    except csv.Error:
        lines = islice(io.StringIO(text, newline=""), read, reader.line_num)
        line = read + broken_line("".join(lines), delimiter)
        raise ImportFileInvalid(
            _("Line %(line)d cannot be read: a quotation mark is missing, or a cell is too long.")
            % {"line": line}
        ) from None


def broken_line(row: str, delimiter: str) -> int:
    """Return the number of the line of an unreadable row in which its broken cell begins: the first
    one in quotation marks that is not closed, or goes on behind them; without one, the last line.
    """
    unquoted = re.compile(rf"[^{re.escape(delimiter)}\r\n]*")
    at = 0
    while at < len(row):
        if row[at] == '"':
            quoted = _QUOTED.match(row, at)
            end = quoted.end() if quoted else at
            if not quoted or row[end : end + 1] not in {delimiter, "\r", "\n", ""}:
                return len(_LINE_END.findall(row, 0, at)) + 1
        else:
            found = unquoted.match(row, at)
            end = found.end() if found else at
        at = end + 1
    return len(_LINE_END.findall(row.rstrip("\r\n"))) + 1


def looks_joined(cell: str, delimiter: str, columns: int) -> bool:
    """Return whether a cell looks like rows that a missing quotation mark joined: it has line ends,
    and on its lines the delimiters of whole rows.
    """
    if not delimiter or columns < 2 or not _LINE_END.search(cell):
        return False
    first, *between, last = (line.count(delimiter) for line in _LINE_END.split(cell))
    return first + last >= columns - 1 and all(count >= columns - 1 for count in between)


def _too_long() -> ImportFileInvalid:
    return ImportFileInvalid(
        _("The file has more than %(most)d rows. Import it in several parts.") % {"most": MAX_ROWS}
    )


def _too_wide() -> ImportFileInvalid:
    return ImportFileInvalid(
        _("The file has more than %(most)d columns. Delete those that are not imported.")
        % {"most": MAX_COLUMNS}
    )
