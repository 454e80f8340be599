"""Tables of uploaded files: encodings, delimiters, and what no memory is spent on."""

import io
import unicodedata
import zipfile

import pytest

from crm.core.transfer import tables
from crm.core.transfer.errors import ImportFileInvalid
from crm.core.transfer.formats import Format, file_info, head_of, rows_of
from crm.core.transfer.tables import read_table

VIETNAMESE = "Họ tên;Điện thoại\nNguyễn Thị Hương;0903\nTrần Đỗ Ân;1\n"
RUSSIAN = "Имя;Почта\nИван Петров;ivan@shop.ru\nСветлана, ООО «Ромашка»;s@shop.ru\n"
_TONES = "\u0300\u0301\u0303\u0309\u0323"


def cp1258(text: str) -> bytes:
    """Encode as Windows does: a letter, then its tone."""
    found = b""
    for letter in text:
        parts = unicodedata.normalize("NFD", letter)
        base = unicodedata.normalize("NFC", "".join(each for each in parts if each not in _TONES))
        found += (base + "".join(each for each in parts if each in _TONES)).encode("cp1258")
    return found


@pytest.mark.parametrize(
    ("content", "encoding", "text"),
    [
        (VIETNAMESE.encode(), "utf-8", VIETNAMESE),
        (VIETNAMESE.encode("utf-8-sig"), "utf-8", VIETNAMESE),
        (VIETNAMESE.encode("utf-16"), "utf-16", VIETNAMESE),
        (VIETNAMESE.encode("utf-16-be"), "utf-16", VIETNAMESE),
        (cp1258(VIETNAMESE), "cp1258", VIETNAMESE),
        (RUSSIAN.encode("cp1251"), "cp1251", RUSSIAN),
        (unicodedata.normalize("NFD", RUSSIAN).encode(), "utf-8", RUSSIAN),
    ],
)
def test_encodings_are_recognized(content: bytes, encoding: str, text: str) -> None:
    table = read_table(content)
    assert (table.encoding, table.delimiter) == (encoding, ";")
    told = [table.columns, *(cells for _number, cells in table.rows)]
    assert told == [line.split(";") for line in text.splitlines()]


@pytest.mark.parametrize("delimiter", list(tables.DELIMITERS))
def test_delimiters_are_recognized(delimiter: str) -> None:
    lines = (("name", "note"), ("An", '"a, b; c|d"'), ("Bo", '"two\nlines"'))
    table = read_table("\n".join(delimiter.join(line) for line in lines).encode())
    assert table.delimiter == delimiter
    assert [cells for _number, cells in table.rows] == [["An", "a, b; c|d"], ["Bo", "two\nlines"]]


def test_rows_have_the_numbers_of_a_spreadsheet() -> None:
    table = read_table(b"\nname,\n\nAn,\n,\nBo\n")
    assert table.columns == ["name"]
    assert list(table.rows) == [(4, ["An"]), (6, ["Bo"])]


def archive(**files: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("xl/workbook.xml", b"<workbook/>")
        for name, content in files.items():
            zipped.writestr(f"xl/worksheets/{name}.xml", content)
    return written.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b" , \n", "empty"),
        (b"name,name\n", "Two columns"),
        (b"name\nAn,Bo\n", "more cells"),
        (b'name\n"An\n' + b"x" * 200_000, "Line"),
        (b"name\n" + b"x" * 10_001, "longer than"),
        (b"," * 101 + b"x\n", "columns"),
        (b"name\n" + b"x\n" * 200_001, "rows"),
        (b"\xd0\xcf\x11\xe0rest", "old format"),
        (b"PK\x03\x04rest", "damaged"),
        (b"%PDF-1.7\x00\x01\x02", "neither"),
        (archive(sheet1=b"<row r='1048576'/>"), "rows"),
        (archive(sheet1=b'<c r="XFD1"/>'), "columns"),
        (archive(sheet1=b"<worksheet"), "damaged"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(content: bytes, reason: str) -> None:
    with pytest.raises(ImportFileInvalid, match=reason):
        list(read_table(content).rows)


def test_a_workbook_that_grows_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_UNPACKED", 4 * 1024 * 1024)
    with pytest.raises(ImportFileInvalid, match="too large"):
        read_table(archive(sheet1=b"0" * 5 * 1024 * 1024))


def test_a_workbook_is_read_as_it_was_written() -> None:
    columns = ("name", "count")
    rows = [{"name": "=1+1", "count": 7}, {"name": "Đỗ", "count": 0.5}]
    text = head_of(Format.XLSX, columns) + rows_of(Format.XLSX, columns, rows)
    content = b"".join(file_info(Format.XLSX, "x").wrap(iter([text.encode()])))
    table = read_table(content)
    assert table.columns == ["name", "count"]
    assert list(table.rows) == [(2, ["=1+1", "7"]), (3, ["Đỗ", "0.5"])]
