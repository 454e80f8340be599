"""Files of imports: their upload, reading and columns, and what nobody finishes."""

import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from crm.core.jobs.models import Job
from crm.core.records import get_record
from crm.core.transfer import importing
from crm.core.transfer.importing import SMALLEST_PART, purge_imports
from crm.core.transfer.mapping import guess_mapping
from crm.core.transfer.models import Import, ImportPart, ImportState
from crm.organizations.models import Membership
from tests.transfer.pages import FILE, NEW, checked, ended, imported, post, press, uploaded

pytestmark = pytest.mark.django_db
CUSTOMERS = get_record("customers")


def test_a_file_comes_in_parts_once_each(owner: Membership, browser: Client) -> None:
    content = FILE.encode().ljust(SMALLEST_PART + 50, b"\n")
    begun = browser.post(NEW, {"file_name": "people.csv", "size": len(content)}, follow=True).json()
    first, last = content[:SMALLEST_PART], content[SMALLEST_PART:]
    for number, part in ((0, first), (0, first), (1, last)):
        sent = {"number": number, "part": SimpleUploadedFile("part", part)}
        assert browser.post(begun["parts"], sent).json() == begun
    found = ended(Import.objects.get())
    assert (found.state, found.rows, found.parts.filter(kind="source").count()) == ("mapping", 6, 2)
    late = {"number": 2, "part": SimpleUploadedFile("part", b"more")}
    assert browser.post(begun["parts"], late).status_code == 409


def test_an_upload_from_a_page_says_what_is_wrong(browser: Client) -> None:
    asked = {"file_name": "none.csv", "size": 0}
    script = {"Accept": "application/json"}
    answer = browser.post(NEW, asked, headers=script)
    assert (answer.status_code, answer.json()["code"]) == (400, "import_file_invalid")
    assert "empty" in browser.post(NEW, {"file": SimpleUploadedFile("a.csv", b"")}).content.decode()
    browser.logout()
    answer = browser.post(NEW, asked | {"size": 9}, headers=script)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


def test_an_unreadable_file_says_why_and_is_read_in_another_way(browser: Client) -> None:
    found = uploaded(browser, "Имя\nИван\n".encode("cp1251"))
    assert (found.encoding, found.columns) == ("cp1251", ["Имя"])
    found = post(browser, found, "read", encoding="utf-8", delimiter=",")
    assert found.state == ImportState.FAILED
    assert "not in this encoding" in browser.get(f"/app/import/{found.pk}/").content.decode()
    found = post(browser, found, "read", encoding="cp1251", delimiter=";")
    assert (found.state, found.sample) == (ImportState.MAPPING, [["Иван"]])
    assert browser.post(NEW, {"file_name": "x", "size": 10**9}).status_code == 400
    assert browser.post(NEW, {}).status_code == 400


def test_a_cell_that_looks_like_rows_is_said_before_anything_is_stored(browser: Client) -> None:
    found = uploaded(browser, b'Name,Email\nAn,an@shop.example\n"Bo,bo@\nCy,cy@\nDo,do@",\n')
    assert (found.joined_cells, found.joined_row) == (1, 3)
    words = "1 cell holds several lines that look like rows, in row 3."
    assert words in browser.get(f"/app/import/{found.pk}/").content.decode()
    assert checked(browser, found).state == ImportState.CHECKED
    assert words in browser.get(f"/app/import/{found.pk}/").content.decode()


def test_rows_with_letters_of_an_encoding_are_shown(browser: Client) -> None:
    """Of rows far behind the first ones, too: there it is seen whether they are read rightly."""
    names = [*(f"Ann {number}" for number in range(9)), "Иван", "Bob", "Пётр", "Carl"]
    lines = "".join(f"{name}\n" for name in names)
    found = uploaded(browser, f"Name\n{lines}".encode("cp1251"))
    assert found.sample == [["Ann 0"], ["Ann 1"], ["Ann 2"], ["Иван"], ["Пётр"]]
    found = checked(browser, found, mode="create", key="")
    shown = [each["title"] for each in found.preview["examples"]["created"]]
    assert shown == [*names[:5], "Пётр"]
    assert post(browser, found, "run").report == found.preview


@pytest.mark.parametrize(
    ("heading", "field"), [("ФИО", "name"), ("Họ và tên", "name"), ("Full name", "name")]
)
def test_a_column_is_known_by_what_files_call_it(heading: str, field: str) -> None:
    assert guess_mapping(CUSTOMERS, [heading]) == [field]


@pytest.mark.parametrize(
    "wrong",
    [
        {"column-0": "name", "column-1": "name"},
        {"column-0": "stage"},
        {"column-0": "name", "key": "email"},
        {"column-0": "name", "key": ""},
        {},
    ],
)
def test_a_mapping_that_says_nothing_is_refused(browser: Client, wrong: dict[str, str]) -> None:
    found = uploaded(browser, b"a,b\n1,2\n")
    asked = {"mode": "both", "key": "email"} | wrong
    assert press(browser, found, "check", **asked).status_code == 400
    assert Job.objects.count() == 1


@pytest.mark.parametrize(
    ("columns", "mapping"),
    [
        (
            ["Họ tên", "Email", "Số điện thoại", "Ngôn ngữ"],
            ["name", "email", "phone", "language_code"],
        ),
        (["Язык", "Имя", "Почта", "Телефон"], ["language_code", "name", "email", "phone"]),
        (["E-mail", "Full name", "Reason"], ["email", "name", ""]),
        (["language_code", "x"], ["language_code", ""]),
        (["Last name", "First name", "Email"], ["", "", "email"]),
        (["Last name", "Name"], ["", "name"]),
        (["Last name", "Email"], ["name", "email"]),
    ],
)
def test_columns_are_recognized_in_three_languages(columns: list[str], mapping: list[str]) -> None:
    assert guess_mapping(CUSTOMERS, columns) == mapping


def test_what_nobody_finishes_has_an_end(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    found = uploaded(browser, FILE.encode())
    monkeypatch.setattr(importing, "MAX_UNFINISHED", 1)
    assert browser.post(NEW, {"file_name": "x.csv", "size": 9}).status_code == 409
    then = timezone.now() - importing.UNFINISHED_KEPT - timedelta(days=1)
    Import.objects.filter(pk=found.pk).update(created_at=then)
    purge_imports()
    assert browser.post(NEW, {"file_name": "x.csv", "size": 9}).status_code == 302


@pytest.mark.parametrize("state", ["uploading", "mapping", "checked", "failed"])
def test_what_is_not_finished_is_discarded(browser: Client, state: str) -> None:
    found = uploaded(browser, FILE.encode())
    Import.objects.filter(pk=found.pk).update(state=state)
    discard = f"/app/import/{found.pk}/discard/"
    assert discard in browser.get(f"/app/import/{found.pk}/").content.decode()
    assert press(browser, found, "discard")["Location"] == NEW
    assert not Import.objects.exists()
    assert not ImportPart.objects.exists()


def test_what_stored_rows_is_not_discarded(browser: Client) -> None:
    found = imported(browser)
    assert press(browser, found, "discard").status_code == 409


@pytest.mark.parametrize(("bound", "most"), [("MAX_LOOKS", 2), ("MAX_ROWS_LOOKED_AT", 12)])
def test_reading_and_checking_again_has_an_end(
    browser: Client, monkeypatch: pytest.MonkeyPatch, bound: str, most: int
) -> None:
    found = checked(browser, uploaded(browser, FILE.encode()))
    monkeypatch.setattr(importing, bound, most)
    again = {f"column-{at}": name for at, name in enumerate(found.mapping)}
    asked = {"mode": "both", "key": "email", **again}
    assert press(browser, found, "check", **asked).status_code == 409
    assert press(browser, found, "read", encoding="utf-8").status_code == 409
    assert post(browser, found, "run").state == ImportState.DONE


@pytest.mark.parametrize(
    ("content", "key", "mode"),
    [
        (FILE, "email", "both"),
        ("Name,Phone\nAn,+84 90 111\n", "", "create"),
    ],
    ids=["with the key", "without"],
)
def test_the_form_offers_what_its_columns_allow(
    browser: Client, content: str, key: str, mode: str
) -> None:
    found = uploaded(browser, content.encode())
    page = browser.get(f"/app/import/{found.pk}/").content.decode()
    options = page.partition('name="mode"')[2].partition("</form>")[0]
    assert re.findall('<option value="([^"]*)" selected', options) == [mode, key]
    assert checked(browser, found, mode=mode, key=key).preview["faulty"] == (3 if key else 0)


def test_a_key_without_a_column_is_refused_with_the_way_out(browser: Client) -> None:
    found = uploaded(browser, b"Name,Phone\nAn,+84 90 111\n")
    wrong = {"column-0": "name", "column-1": "phone", "mode": "update", "key": "email"}
    page = press(browser, found, "check", **wrong).content.decode()
    assert "or choose “Nothing: every row is new”." in page
    # What was chosen is still chosen.
    assert '<option value="email" selected' in page
    assert '<option value="update" selected' in page
