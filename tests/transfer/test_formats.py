"""Files of each format, read as others read them."""

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from python_calamine import CalamineWorkbook

from crm.core.transfer.formats import (
    Format,
    file_info,
    head_of,
    rows_of,
    with_formula,
    without_formula,
)
from crm.core.transfer.reading import read_table

COLUMNS = ("name", "phone", "count", "is_open", "at", "data")
AT = datetime(2026, 11, 30, 8, 30, 15, tzinfo=UTC)
NAMES = ["=1+1", "Đỗ <An> & Бо\x07", "", "😀" * 3]
ROWS: list[dict[str, Any]] = [
    {"name": name, "phone": "+84 90", "count": 7, "is_open": True, "at": AT, "data": {"a": None}}
    for name in NAMES
]


def written(form: Format) -> bytes:
    with timezone.override(ZoneInfo("Asia/Ho_Chi_Minh")):
        rows = [rows_of(form, COLUMNS, each) for each in (ROWS[:2], ROWS[2:])]
        parts = [head_of(form, COLUMNS), *rows]
    return b"".join(file_info(form, "x").wrap(part.encode() for part in parts))


def test_a_workbook_is_what_spreadsheets_read() -> None:
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(written(Format.XLSX))).get_sheet_by_index(0)
    head, *rows = sheet.to_python()
    assert head == list(COLUMNS)
    assert [row[0] for row in rows] == ["=1+1", "Đỗ <An> & Бо", "", "😀😀😀"]
    assert rows[0][1:] == ["+84 90", 7, True, datetime(2026, 11, 30, 15, 30, 15), '{"a": null}']  # noqa: DTZ001


def test_a_letter_by_its_number_is_none_in_a_workbook() -> None:
    names = ["_x0041_bc", "a_x005F_x0041_", "_x41_", "_X0041_", "__x0041__"]
    rows = rows_of(Format.XLSX, ("name",), [{"name": name} for name in names])
    parts = [head_of(Format.XLSX, ("name",)), rows]
    content = b"".join(file_info(Format.XLSX, "x").wrap(part.encode() for part in parts))
    table = read_table(content)
    assert [cells[0] for _number, cells in table.rows] == names


def test_csv_has_a_mark_for_excel_and_no_formula() -> None:
    text = written(Format.CSV).decode()
    assert text.startswith('\ufeff"name",')
    head, *rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert head == list(COLUMNS)
    assert rows[0] == ["'=1+1", "'+84 90", "7", "true", "2026-11-30 15:30:15", '{"a": null}']
    assert not head_of(Format.CSV, COLUMNS, has_bom=False).startswith("\ufeff")


def test_json_lines_keep_types() -> None:
    assert [json.loads(line)["name"] for line in written(Format.JSONL).splitlines()] == NAMES
    assert json.loads(written(Format.JSONL).splitlines()[0]) == ROWS[0] | {"at": AT.isoformat()}


@pytest.mark.parametrize(
    "text", ["=1", "+84", "-", "@a", "\tx", "'a", "a", "", "'=1", "a;=1", "a\n''\"+1", "\r\n"]
)
def test_what_was_made_harmless_is_read_back(text: str) -> None:
    assert with_formula(without_formula(text)) == text
    assert without_formula(text)[:1] not in {"=", "+", "-", "@", "\t"}


@pytest.mark.parametrize(
    "text",
    ["Ann;=1+1", "Ann;=1+1|'x;", 'a;"=1+1;b', "a\n@x\n", "a\t-1", "a\r\n- cmd|'/C calc'!A0\n"],
)
def test_a_spreadsheet_with_another_delimiter_splits_to_no_formula(text: str) -> None:
    written = rows_of(Format.CSV, ("a", "b"), [{"a": "x", "b": text}, {"a": text, "b": "x"}])
    split = csv.reader(io.StringIO(written, newline=""), delimiter=";")
    assert not [cell for row in split for cell in row if cell.startswith(tuple("=+-@"))]


def test_items_of_a_list_stay_as_they_are() -> None:
    assert without_formula("Two:\n- a; b\n- c") == "Two:\n- a; b\n- c"
