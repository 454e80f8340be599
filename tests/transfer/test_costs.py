"""What a file costs: whatever it holds, the time, the memory and the room for it are bounded."""

import json
import zlib

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm.core.jobs.running import run_job
from crm.core.records import get_record
from crm.core.transfer import import_jobs, reading, tables
from crm.core.transfer.errors import ImportFileInvalid
from crm.core.transfer.importing import add_content, start_import
from crm.core.transfer.outcomes import MAX_SHOWN_LENGTH
from crm.core.transfer.reading import read_table
from crm.organizations.models import Membership
from tests.transfer.pages import NEW, checked, uploaded
from tests.transfer.test_tables import HEAD, SHARED, workbook

CUSTOMERS = get_record("customers")
HEAD_OF_100 = HEAD.replace(
    "</row>",
    "".join(f'<c t="inlineStr"><is><t>c{at}</t></is></c>' for at in range(99)) + "</row>",
)
MARKS = "a" + "\u0301" * 4_900 + "\u0316" * 4_900


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """End a reading that takes more than a few seconds of the processor."""
    monkeypatch.setattr(reading, "SECONDS", 5)


@pytest.mark.usefixtures("quick")
def test_marks_of_no_script_are_put_in_order_in_linear_time() -> None:
    row = ",".join([MARKS] * 100)
    table = read_table(f"{','.join(f'c{at}' for at in range(100))}\n{row}\n{row}\n".encode())
    # The mark below stands first, and the first one above is in the letter.
    ordered = "\u00e1" + "\u0316" * 4_900 + "\u0301" * 4_899
    assert [set(cells) for _number, cells in table.rows] == [{ordered}, {ordered}]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    "content",
    [
        b"a" * 65_600 + b"\n\xff,x\n1,2\n",
        b"name,email\n" + b"a" * 70_000 + b"\n\xc3,x\n",
        ("name,email\na" + "\u0301" * 40_000 + "\u0316" * 40_000).encode(),
        b"x\n" + b"'" * 65_000 + b"\xc3\n",
    ],
)
def test_a_long_word_is_looked_at_in_linear_time(content: bytes) -> None:
    with pytest.raises(ImportFileInvalid, match="longer than"):
        list(read_table(content).rows)


def test_a_reading_that_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SECONDS", 1)
    # As many rows as a file may have, of so many cells that no machine reads them in a second.
    names = b",".join(b"c%d" % number for number in range(40))
    row = b",".join([b"An"] * 40)
    with pytest.raises(ImportFileInvalid, match="too large"):
        list(read_table(b"\n".join([names, *[row] * 190_000])).rows)


def test_a_table_holds_so_much_text() -> None:
    # The workbook has some kilobytes.
    content = workbook(HEAD_OF_100 + f"<row>{SHARED * 100}</row>" * 300, shared="x" * 8_999 + "😀")
    assert len(content) < 20_000
    with pytest.raises(ImportFileInvalid, match="100 MB of text"):
        list(read_table(content).rows)


@pytest.mark.django_db
def test_a_part_and_a_step_hold_so_much_text(
    owner: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_jobs, "BATCH", 500)
    content = workbook(HEAD_OF_100 + f"<row>{SHARED * 100}</row>" * 12, shared="x" * 9_000)
    found = start_import(by=owner, record=CUSTOMERS, file_name="a.xlsx", size=len(content))
    job = add_content(by=owner, import_id=found.pk, number=0, content=content).job
    assert job
    assert run_job(job_id=job.pk, seconds=0)
    job.refresh_from_db()
    # Of twelve rows of 0.9 MB five make a part, and two parts a step.
    assert (job.checkpoint, job.done) == (2, 10)
    assert not run_job(job_id=job.pk, seconds=0)
    parts = found.parts.filter(kind="rows").values_list("content", flat=True)
    assert len(parts) == 3
    for part in parts:
        rows = json.loads(zlib.decompress(bytes(part)))
        text = sum(len(cell) for _number, cells in rows for cell in cells)
        assert text < import_jobs.BATCH_BYTES + tables.MAX_COLUMNS * tables.MAX_CELL


@pytest.mark.django_db
def test_of_a_file_a_page_keeps_what_it_shows(browser: Client) -> None:
    heading, cell = "Câu hỏi " * 100, "ệ" * 9_000
    names = f"Name,Email,{heading}a,{heading}b,Company"
    found = uploaded(browser, f"{names}\n{cell},{cell},{cell},{cell},{cell}\n".encode())
    assert len(found.columns) == len(set(found.columns)) == 5
    assert max(map(len, found.columns)) <= MAX_SHOWN_LENGTH + len(" (100)")
    assert {len(each) for each in found.sample[0]} == {MAX_SHOWN_LENGTH}
    found = checked(browser, found)
    assert len(json.dumps(found.preview)) < 5_000
    assert "…" in browser.get(f"/app/import/{found.pk}/").content.decode()


@pytest.mark.django_db
def test_a_list_of_imports_loads_no_rows(browser: Client) -> None:
    uploaded(browser, b"Name\nAn\n")
    with CaptureQueriesContext(connection) as queries:
        assert "people.csv" in browser.get(NEW).content.decode()
    of_imports = [each["sql"] for each in queries if '"file_name"' in each["sql"]]
    assert of_imports
    for column in ("sample", "columns", "preview", "report", "mapping"):
        assert not [sql for sql in of_imports if f'"{column}"' in sql]


@pytest.mark.django_db
def test_unfinished_imports_are_counted_one_after_another(owner: Membership) -> None:
    start_import(by=owner, record=CUSTOMERS, file_name="a.csv", size=1)
    elsewhere = connection.copy()
    try:
        with elsewhere.cursor() as cursor:
            key = f"imports|{owner.organization_id}"
            cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [key])
            assert cursor.fetchone() == (False,)
    finally:
        elsewhere.close()
