"""Formats of exported tables, written in parts that are stored, and joined when they are sent.

A part is the text of some rows. The parts of a workbook are the rows of its sheet; the rest of the
archive is made around them while it is sent, so that neither side holds a whole file.
"""

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

from django.db.models import TextChoices
from django.utils import timezone

from crm.core.jobs.kinds import FileInfo

# Before what a spreadsheet takes for a formula, in a file without types: at the beginning of a
# cell, and inside of a text, where one that splits at ";" begins a cell. There a sign and a blank
# begin the item of a list, unless a call, a reference or a command follows.
_CELL = r"\A{}(?='*\"*[=+\-@\t\r])"
_CELL_INSIDE = r"(?<=[;\t\r\n]){}(?='*\"*[=+\-@])(?![+\-] [^;\t\r\n(|!]*(?:[;\t\r\n]|\Z))"
_BEFORE_FORMULA = re.compile(f"{_CELL}|{_CELL_INSIDE}".format("", ""))
_MARK_OF_FORMULA = re.compile(f"{_CELL}|{_CELL_INSIDE}".format("'", "'"))
BOM = "\ufeff"
# Excel's own limits of a sheet, below its head, and of a cell.
MAX_SHEET_ROWS = 1_048_575
_LONGEST_CELL = 32_767
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
# Spreadsheets read "_x0041_" as a letter by its number; so written, it stays as it is.
_LIKE_NUMBERED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  workbooks know no zones
_SHEET_HEAD = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetViews>'
    '<sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" state="frozen"/></sheetView>'
    "</sheetViews><sheetData>"
)
_SHEET_TAIL = "</sheetData></worksheet>"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_WORKBOOK = {
    "[Content_Types].xml": (
        f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPES}.worksheet+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPES}.styles+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        '<sheet name="Export" sheetId="1" r:id="rId1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" '
        f'Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>'
    ),
    # The second format of a cell is that of times, the third one that of dates.
    "xl/styles.xml": (
        f'{_XML}<styleSheet xmlns="{_MAIN}"><numFmts count="2"><numFmt numFmtId="164" '
        'formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/><numFmt numFmtId="165" '
        'formatCode="yyyy\\-mm\\-dd"/></numFmts><fonts count="1"><font/></fonts>'
        '<fills count="1"><fill/></fills><borders count="1"><border/></borders>'
        '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3"><xf/>'
        '<xf numFmtId="164" applyNumberFormat="1"/><xf numFmtId="165" applyNumberFormat="1"/>'
        "</cellXfs></styleSheet>"
    ),
}


class Format(TextChoices):
    CSV = "csv", "CSV"
    XLSX = "xlsx", "Excel (XLSX)"
    JSONL = "jsonl", "JSON Lines"


def head_of(form: Format, columns: Sequence[str], *, has_bom: bool = True) -> str:
    """Return the beginning of a file: the names of its columns, where the format has a row of them.

    The byte order mark is that by which Excel knows UTF-8.
    """
    if form == Format.JSONL:
        return ""
    row = dict(zip(columns, columns, strict=True))
    return (BOM if form == Format.CSV and has_bom else "") + rows_of(form, columns, [row])


def rows_of(form: Format, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return some rows as text; ``rows`` hold texts, numbers, truth values, times and JSON."""
    if form == Format.JSONL:
        return "".join(f"{_json_of(row)}\n" for row in rows)
    if form == Format.XLSX:
        return "".join(_sheet_row(row[name] for name in columns) for row in rows)
    text = io.StringIO()
    # Without quotes, a spreadsheet whose delimiter is another one would split the texts.
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerows([without_formula(text_of(row[name])) for name in columns] for row in rows)
    return text.getvalue()


def file_info(form: Format, name: str) -> FileInfo:
    """Return how a file of this format is downloaded; ``name`` has no extension."""
    match form:
        case Format.XLSX:
            return FileInfo(f"{name}.xlsx", f"{_TYPES}.sheet", _archive)
        case Format.JSONL:
            return FileInfo(f"{name}.jsonl", "application/jsonl")
        case Format.CSV:
            return FileInfo(f"{name}.csv", "text/csv; charset=utf-8")


def without_formula(text: str) -> str:
    """Return a text that no spreadsheet calculates: with an apostrophe before what looks so."""
    return _BEFORE_FORMULA.sub("'", text)


def with_formula(text: str) -> str:
    """Return what `without_formula` was given."""
    return _MARK_OF_FORMULA.sub("", text)


def text_of(value: Any) -> str:
    """Return a value as the text of a cell; times are those of the current zone."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return f"{timezone.localtime(value):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, Decimal):
        # A point before three last digits groups thousands in some languages.
        return f"{value:.4f}" if value.as_tuple().exponent == -3 else f"{value:f}"
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False, default=str)


def _json_of(row: Mapping[str, Any]) -> str:
    values = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
    }
    return json.dumps(values, ensure_ascii=False, default=str)


def _sheet_row(values: Iterable[Any]) -> str:
    return f"<row>{''.join(map(_sheet_cell, values))}</row>"


def _sheet_cell(value: Any) -> str:
    if value is None or value == "":
        return "<c/>"
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float | Decimal):
        return (
            f"<c><v>{value:f}</v></c>" if isinstance(value, Decimal) else f"<c><v>{value}</v></c>"
        )
    if isinstance(value, datetime):
        local = timezone.localtime(value).replace(tzinfo=None)
        return f'<c s="1"><v>{(local - _EPOCH).total_seconds() / 86_400:.8f}</v></c>'
    if isinstance(value, date):
        return f'<c s="2"><v>{(value - _EPOCH.date()).days}</v></c>'
    text = _LIKE_NUMBERED.sub("_x005F_", _NOT_XML.sub("", text_of(value))[:_LONGEST_CELL])
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'


class _Pipe(io.RawIOBase):
    """A file that is written and cannot be sought in; ``take`` gives what was written since."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self._written += content
        return len(content)

    def take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken


def _archive(rows: Iterator[bytes]) -> Iterator[bytes]:
    """Yield a workbook around the rows of its sheet."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in _WORKBOOK.items():
            archive.writestr(name, text)
        with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
            sheet.write(_SHEET_HEAD.encode())
            for part in rows:
                sheet.write(part)
                yield pipe.take()
            sheet.write(_SHEET_TAIL.encode())
    yield pipe.take()
