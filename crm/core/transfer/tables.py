"""Tables of uploaded files: CSV in several encodings, and workbooks.

Whatever a file holds, reading it takes bounded memory: what is too large is refused before it is
unpacked.
"""

import csv
import io
import re
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _
from python_calamine import CalamineError, CalamineWorkbook, PasswordError, ZipError

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
    "cp1258": "Windows-1258",
}
DELIMITERS = {",": ",", ";": ";", "\t": "Tab", "|": "|"}
_GUESSED_BY = 64 * 1024
_ROWS_GUESSED_BY = 30
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# Letters of Windows code pages beside each other, and beside letters of ASCII. Vietnamese words mix
# both, Russian ones do not.
_HIGH_PAIR = re.compile(rb"(?=[\xc0-\xff]{2})")
_MIXED_PAIR = re.compile(rb"(?=[A-Za-z][\xc0-\xff]|[\xc0-\xff][A-Za-z])")
# Places of cells and rows in a sheet. They decide how much memory its table takes.
_PLACE = re.compile(rb"""\sr\s*=\s*["']([A-Z]{0,4})(\d{1,9})["']""")
_LONGEST_PLACE = 40
_CHUNK = 1024 * 1024


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
        return "cp1258" if mixed > pairs / 2 else "cp1251"
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


def _table(encoding: str, delimiter: str, rows: Iterator[list[str]]) -> Table:
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


def _checked(rows: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that hold something. Raise ImportFileInvalid beyond a limit."""
    found = 0
    for number, row in enumerate(rows, 1):
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


def _csv_rows(text: str, delimiter: str) -> Iterator[list[str]]:
    if delimiter not in DELIMITERS:
        raise ImportFileInvalid
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        yield from reader
    except csv.Error:
        raise ImportFileInvalid(
            _("Line %(line)d cannot be read: a quotation mark is missing, or a cell is too long.")
            % {"line": reader.line_num}
        ) from None


def _workbook_rows(content: bytes) -> Iterator[list[str]]:
    _check_workbook(content)
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(content)) as workbook:
            if not workbook.sheet_names:
                return
            sheet = workbook.get_sheet_by_index(0)
            start = sheet.start
            for _empty in range(start[0] if start else 0):
                yield []
            for row in sheet.iter_rows():
                yield [_cell(value) for value in row]
    except PasswordError:
        raise ImportFileInvalid(_("The workbook has a password. Save it without one.")) from None
    except (CalamineError, ZipError, OSError, ValueError):
        raise ImportFileInvalid(
            _("The workbook is damaged. Open it in a spreadsheet, and save it anew.")
        ) from None


def _check_workbook(content: bytes) -> None:
    """Refuse what would not fit into memory, before anything is unpacked for good."""
    total = 0
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            if "xl/workbook.xml" not in names or "mimetype" in names:
                raise ImportFileInvalid
            for entry in archive.infolist():
                with archive.open(entry) as file:
                    is_sheet = entry.filename.startswith("xl/worksheets/")
                    rest = b""
                    while chunk := file.read(_CHUNK):
                        total += len(chunk)
                        if total > MAX_UNPACKED:
                            raise ImportFileInvalid(
                                _("The workbook is too large when it is unpacked.")
                            )
                        if is_sheet:
                            _check_places(rest + chunk)
                            rest = chunk[-_LONGEST_PLACE:]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, zlib.error):
        raise ImportFileInvalid(
            _("The workbook is damaged. Open it in a spreadsheet, and save it anew.")
        ) from None


def _check_places(part: bytes) -> None:
    for column, row in set(_PLACE.findall(part)):
        if int(row) > MAX_ROWS + 1:
            raise _too_long()
        if _column_number(column) > MAX_COLUMNS:
            raise _too_wide()


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _too_long() -> ImportFileInvalid:
    return ImportFileInvalid(
        _("The file has more than %(most)d rows. Import it in several parts.") % {"most": MAX_ROWS}
    )


def _too_wide() -> ImportFileInvalid:
    return ImportFileInvalid(
        _("The file has more than %(most)d columns. Delete those that are not imported.")
        % {"most": MAX_COLUMNS}
    )


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, date):
        return f"{value:%Y-%m-%d}"
    return str(value)
