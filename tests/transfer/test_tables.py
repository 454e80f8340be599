"""Tables of uploaded files: encodings, delimiters, and what no memory is spent on."""

import io
import unicodedata
import zipfile

import psutil
import pytest

from crm.core.transfer import tables
from crm.core.transfer.errors import ImportFileInvalid
from crm.core.transfer.formats import Format, file_info, head_of, rows_of
from crm.core.transfer.reading import read_table
from crm.core.transfer.tables import looks_joined, parse_table

VIETNAMESE = "Họ tên;Điện thoại\nNguyễn Thị Hương;0903\nTrần Đỗ Ân;1\n"
WESTERN = "Nome;Telefone\nJoão Simões;1\nNicolò Forlì, può;2\nÞór Guðrún – Müller €;3\n"
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
        (cp1258("Tên;Số\nLê Văn Sơn;1\n"), "cp1258", "Tên;Số\nLê Văn Sơn;1\n"),
        (WESTERN.encode("cp1252"), "cp1252", WESTERN),
        (RUSSIAN.encode("cp1251"), "cp1251", RUSSIAN),
        (RUSSIAN.encode("utf-16-be"), "utf-16", RUSSIAN),
        (RUSSIAN.encode("utf-16-le"), "utf-16", RUSSIAN),
        (unicodedata.normalize("NFD", RUSSIAN).encode(), "utf-8", RUSSIAN),
    ],
)
def test_encodings_are_recognized(content: bytes, encoding: str, text: str) -> None:
    table = read_table(content)
    assert (table.encoding, table.delimiter) == (encoding, ";")
    told = [table.columns, *(cells for _number, cells in table.rows)]
    assert told == [line.split(";") for line in text.splitlines()]


def test_letters_far_behind_the_beginning_tell_the_encoding() -> None:
    """Whatever stands before them, and how long the file may be."""
    for count in (1_500, 150_000):
        text = "name;email\n" + "Ann Example;ann@shop.example\n" * count
        text += "Иван Петров;ivan@shop.ru\n" * 500
        table = read_table(text.encode("cp1251"))
        assert table.encoding == "cp1251"
        assert list(table.rows)[-1][1] == ["Иван Петров", "ivan@shop.ru"]


def test_utf_16_that_is_chosen_is_read_in_either_order() -> None:
    for order in ("utf-16-le", "utf-16-be"):
        table = read_table(RUSSIAN.encode(order), encoding="utf-16")
        assert (table.columns, next(table.rows)) == (
            ["Имя", "Почта"],
            (2, ["Иван Петров", "ivan@shop.ru"]),
        )


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ('"Mai ""Lan,lan@q.example\nHoa,hoa@q.example\n', 2),
        ('Hoa,hoa@q.example\n"Mai ""Lan,lan@q.example\nHoa,"hoa@q.example"\n', 3),
        ('"Hoa\r\nLe","hoa@q.example"\r\n"Kim \\"Bo\\" Lee",bo@q.example\r\n', 4),
        ('"Hoa",hoa@q.example\n"Mai ""L""","lan@q.example\nHoa,hoa@q.example\nAn,a@q.example', 3),
    ],
)
def test_a_missing_quotation_mark_joins_no_rows(rows: str, line: int) -> None:
    """The line is that in which the cell begins, wherever it is noticed."""
    with pytest.raises(ImportFileInvalid, match=f"Line {line} cannot be read: a quotation"):
        list(read_table(f"name,email\n{rows}".encode()).rows)


def test_a_quotation_mark_inside_of_a_cell_is_a_letter() -> None:
    table = read_table(b'name,note\n5" pipe,6"\n"5"" pipe",a "b" c\n')
    assert [cells for _number, cells in table.rows] == [['5" pipe', '6"'], ['5" pipe', 'a "b" c']]


@pytest.mark.parametrize(
    ("cell", "is_joined"),
    [
        ("Mai,lan@q.example\nHoa,hoa@q.example", True),
        ("Mai\nHoa,hoa@q.example\nAn,a@q.example", True),
        ("Hoa, An, and Mai", False),
        ("Two lines\nof a note", False),
        ("A letter, with\n\nparagraphs, both", False),
    ],
)
def test_a_cell_of_whole_rows_is_noticed(cell: str, is_joined: bool) -> None:  # noqa: FBT001
    assert looks_joined(cell, ",", 2) == is_joined
    assert not looks_joined(cell, "", 2)


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


_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def workbook(rows: str, *, shared: str = "", sheet: str = "worksheets/sheet1.xml") -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="rId1" '
            f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        zipped.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
            '<sheet name="a" sheetId="1" r:id="rId1"/></sheets></workbook>',
        )
        zipped.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{_PACKAGE}">'
            f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="{sheet}"/>'
            f'<Relationship Id="rId2" Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/>'
            "</Relationships>",
        )
        zipped.writestr(
            "xl/sharedStrings.xml", f'<sst xmlns="{_MAIN}"><si><t>{shared}</t></si></sst>'
        )
        zipped.writestr(
            f"xl/{sheet}",
            f'<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData></worksheet>',
        )
    return written.getvalue()


def cell(text: str, place: str = "A1") -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def packed_otherwise() -> bytes:
    """Return a workbook with an entry of a kind that unpacks to any size at once."""
    written = io.BytesIO(workbook(f"<row>{cell('email')}</row>"))
    with zipfile.ZipFile(written, "a", zipfile.ZIP_BZIP2) as zipped:
        zipped.writestr("xl/media/a.bin", bytes(1_000))
    return written.getvalue()


HEAD = f'<row r="1">{cell("email")}</row>'
SHARED = '<c t="s"><v>0</v></c>'
FAR = '<row r="1048576"><c r="{}"><v>1</v></c></row>'


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
        (workbook(f"<row>{cell('email')}{cell('x', 'xfd1')}</row>"), "columns"),
        (workbook(f"<row>{cell('x' * 10_001)}</row>"), "longer than"),
        (workbook("<row"), "damaged"),
        (workbook(HEAD + FAR.format("A99999999999999999999")), "too large"),
        (workbook(HEAD + FAR.format("xfd1048576")), "too large"),
        (workbook(HEAD + FAR.format("XFD1048576"), sheet="evil/sheet1.xml"), "too large"),
        (
            # The text of one shared string in each of many cells.
            workbook(f"<row>{SHARED * 20}</row>" * 4_000, shared="x" * 9_000),
            "too large",
        ),
        (packed_otherwise(), "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(content: bytes, reason: str) -> None:
    with pytest.raises(ImportFileInvalid, match=reason):
        list(read_table(content).rows)


def test_a_workbook_that_grows_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_UNPACKED", 4 * 1024 * 1024)
    with pytest.raises(ImportFileInvalid, match="too large"):
        parse_table(workbook("0" * 5 * 1024 * 1024))


def test_a_workbook_is_read_as_it_was_written() -> None:
    columns = ("name", "count")
    rows = [{"name": "=1+1", "count": 7}, {"name": "Đỗ", "count": 0.5}]
    text = head_of(Format.XLSX, columns) + rows_of(Format.XLSX, columns, rows)
    content = b"".join(file_info(Format.XLSX, "x").wrap(iter([text.encode()])))
    table = read_table(content)
    assert table.columns == ["name", "count"]
    assert list(table.rows) == [(2, ["=1+1", "7"]), (3, ["Đỗ", "0.5"])]


def test_a_workbook_has_no_character_that_is_not_stored() -> None:
    rows = "".join(
        f"<row>{cell(text, place)}</row>"
        for text, place in (("na_x0000_me", "A2"), ("A_x0000_n", "A5"))
    )
    table = read_table(workbook(rows))
    assert (table.columns, list(table.rows)) == (["name"], [(5, ["An"])])


def test_who_stops_reading_a_workbook_ends_its_process() -> None:
    before = psutil.Process().children()
    rows = read_table(workbook("<row><c><v>1</v></c></row>" * 50_000)).rows
    next(rows)
    (reader,) = [each for each in psutil.Process().children() if each not in before]
    rows.close()  # type: ignore[attr-defined]
    assert not reader.is_running()
