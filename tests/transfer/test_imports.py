"""Imports: what the preview says is what becomes of the rows, once, and it can be undone."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone

from crm.billing.metrics import Metric
from crm.billing.services.overrides import override_quota
from crm.core.jobs.models import Job
from crm.core.jobs.running import run_job
from crm.core.jobs.services import cancel_job
from crm.core.permissions import Level, Module
from crm.core.records import get_record
from crm.core.text.normalization import search_key
from crm.core.transfer import import_jobs, importing, mapping, rows
from crm.core.transfer.importing import add_content, purge_imports, start_import
from crm.core.transfer.mapping import guess_mapping
from crm.core.transfer.models import Import, ImportPart, ImportState, PartKind
from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.compliance.audits import entries, settle
from tests.conftest import make_conversation
from tests.jobs.counting import finish
from tests.organizations.people import member_with, rights

pytestmark = pytest.mark.django_db
CUSTOMERS = get_record("customers")
NEW = "/app/import/customers/new/"
FILE = (
    "Name,Email,Phone,Language\n"
    "An,an@shop.example,+84 90 111,vi\n"
    "Bo,BO@shop.example,,Tiếng Việt\n"
    "Carla,carla@shop.example,call me,\n"
    "Dora,an@shop.example,,\n"
    ",,+84 90 222,xx\n"
    "Eve,,,ru\n"
)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_jobs, "BATCH", 2)


@pytest.fixture
def browser(client: Client, owner: Membership) -> Client:
    client.force_login(owner.user)
    return client


@pytest.fixture
def present(owner: Membership) -> Customer:
    return Customer.objects.create(
        organization=owner.organization, name="Bob", email="bo@shop.example", stage="customer"
    )


def ended(found: Import) -> Import:
    found.refresh_from_db()
    assert found.job
    finish(found.job)
    found.refresh_from_db()
    return found


def uploaded(browser: Client, content: bytes, name: str = "people.csv") -> Import:
    answer = browser.post(NEW, {"file": SimpleUploadedFile(name, content)})
    assert answer.status_code == 302, answer.content
    found = Import.objects.latest("created_at")
    assert answer["Location"] == f"/app/import/{found.pk}/"
    return ended(found)


def post(browser: Client, found: Import, do: str, **fields: str) -> Import:
    answer = browser.post(f"/app/import/{found.pk}/{do}/", fields)
    assert answer.status_code == 302, answer.content
    return ended(found)


def checked(browser: Client, found: Import, mode: str = "both", key: str = "email") -> Import:
    columns = {f"column-{number}": name for number, name in enumerate(found.mapping)}
    return post(browser, found, "check", mode=mode, key=key, **columns)


def imported(browser: Client, content: str = FILE, **how: str) -> Import:
    return post(browser, checked(browser, uploaded(browser, content.encode()), **how), "run")


def faults(browser: Client, found: Import) -> str:
    answer: Any = browser.post(f"/app/import/{found.pk}/faults/")
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()


def counts(report: dict[str, Any]) -> tuple[int, int, int, int]:
    return (report["created"], report["updated"], report["unchanged"], report["faulty"])


def test_an_import_becomes_what_its_preview_says(
    browser: Client, owner: Membership, present: Customer
) -> None:
    found = uploaded(browser, FILE.encode())
    assert (found.state, found.rows, found.encoding, found.delimiter) == (
        "mapping",
        6,
        "utf-8",
        ",",
    )
    assert found.mapping == ["name", "email", "phone", "language_code"]
    page = browser.get(f"/app/import/{found.pk}/").content.decode()
    assert "an@shop.example" in page
    found = checked(browser, found)
    assert (found.state, counts(found.preview)) == ("checked", (2, 1, 0, 3))
    assert Customer.objects.get() == present
    faults = [(each["number"], each["errors"]) for each in found.preview["examples"]["faulty"]]
    assert faults == [
        (4, [["Phone", "Write the number with digits: +84 24 1234 5678."]]),
        (5, [["Email address", "The same stands in row 2."]]),
        (6, [["Language", "Select a valid choice. xx is not one of the available choices."]]),
    ]
    (changed,) = found.preview["examples"]["updated"]
    assert changed["changes"] == [["Name", "Bob", "Bo"], ["Language", "", "vi"]]
    found = post(browser, found, "run")
    assert (found.state, found.report) == ("done", found.preview)
    people = Customer.objects.order_by("name").values_list(
        "name", "email", "language_code", "stage"
    )
    assert list(people) == [
        ("An", "an@shop.example", "vi", "customer"),
        ("Bo", "bo@shop.example", "vi", "customer"),
        ("Eve", "", "ru", "customer"),
    ]
    settle()
    (done,) = entries(owner.organization_id, "import.done")
    assert (done.details["created"], done.details["faulty"]) == (2, 3)
    created = entries(owner.organization_id, "customer.created")[-1]
    assert (created.actor_kind, created.actor_id) == ("user", str(owner.user_id))


def test_the_faulty_rows_are_corrected_and_imported_again(
    browser: Client, owner: Membership
) -> None:
    found = imported(browser)
    text = faults(browser, found)
    settle()
    assert entries(owner.organization_id, "import.fetched")
    head, *rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    assert head == ["Name", "Email", "Phone", "Language", "Reason"]
    assert [row[0] for row in rows] == ["Carla", "Dora", ""]
    assert rows[1][4] == "Email address: The same stands in row 2."
    mended = (
        text.replace("call me", "'+84 90 333").replace("an@shop", "dora@shop").replace("xx", "")
    )
    again = uploaded(browser, mended.encode())
    assert again.mapping[-1] == ""
    again = post(browser, checked(browser, again), "run")
    assert counts(again.report) == (3, 0, 0, 0)
    assert Customer.objects.get(name="Carla").phone == "+84 90 333"


@pytest.mark.parametrize(
    ("mode", "key", "expected"),
    [
        ("create", "email", (2, 0, 1, 3)),
        ("update", "email", (0, 1, 0, 5)),
        ("create", "", (4, 0, 0, 2)),
    ],
)
def test_what_is_done_is_chosen(
    browser: Client, present: Customer, mode: str, key: str, expected: tuple[int, ...]
) -> None:
    found = checked(browser, uploaded(browser, FILE.encode()), mode=mode, key=key)
    assert counts(found.preview) == expected
    assert counts(post(browser, found, "run").report) == expected


def test_a_preview_in_turns_finds_what_stood_before(browser: Client) -> None:
    """Also in the parts that an earlier turn went through."""
    rows = ("a", "b", "a", "c", "b", "d", "a")
    lines = "".join(f"{name},{name}@shop.example\n" for name in rows)
    found = checked(browser, uploaded(browser, f"Name,Email\n{lines}".encode()))
    assert counts(found.preview) == (4, 0, 0, 3)
    keys = list(ImportPart.read(found, PartKind.KEYS))
    assert keys[0] == {"a@shop.example": [2, None], "b@shop.example": [3, None]}
    assert post(browser, found, "run").report == found.preview


def test_an_import_that_was_interrupted_goes_on_and_finds_its_duplicates(
    browser: Client, present: Customer
) -> None:
    found = checked(browser, uploaded(browser, FILE.encode()))
    assert browser.post(f"/app/import/{found.pk}/run/").status_code == 302
    found.refresh_from_db()
    assert found.job
    run_job(job_id=found.job.pk, seconds=0)
    assert Customer.objects.count() == 2
    assert counts(ended(found).report) == (2, 1, 0, 3)
    assert Customer.objects.count() == 3


def test_a_cancelled_import_keeps_what_it_did_and_can_be_undone(
    browser: Client, owner: Membership
) -> None:
    found = checked(browser, uploaded(browser, FILE.encode()))
    browser.post(f"/app/import/{found.pk}/run/")
    found.refresh_from_db()
    assert found.job
    run_job(job_id=found.job.pk, seconds=0)
    cancel_job(by=owner, job_id=found.job.pk)
    found.refresh_from_db()
    assert (found.state, counts(found.report)) == ("stopped", (2, 0, 0, 0))
    page = f"/app/import/{found.pk}/"
    assert "4 rows were not looked at. To go on, import" in browser.get(page).content.decode()
    # Without a key the same file would add all of it once more.
    Import.objects.filter(pk=found.pk).update(key="")
    assert "not looked at.</p>" in browser.get(page).content.decode()
    assert post(browser, found, "undo").undo_report == {"removed": 2}
    assert not Customer.objects.exists()


def test_an_undo_leaves_what_was_changed_or_used_since(
    browser: Client, owner: Membership, present: Customer, widget: Any
) -> None:
    rows = "".join(f"C{number},c{number}@shop.example,{number},\n" for number in range(4))
    found = imported(browser, f"Name,Email,Phone,Language\nBo,bo@shop.example,777,vi\n{rows}")
    assert counts(found.report) == (4, 1, 0, 0)
    people = {each.name: each for each in Customer.objects.all()}
    CUSTOMERS.update(by=owner, pk=people["C0"].pk, phone="999")
    make_conversation(people["C1"], widget, first="Hello")
    people["C2"].delete()
    # Of the one that was there, one field was changed since.
    CUSTOMERS.update(by=owner, pk=present.pk, language_code="ru")
    found = post(browser, found, "undo")
    assert found.undo_report == {"removed": 1, "restored": 1, "changed": 1, "used": 1, "gone": 1}
    present.refresh_from_db()
    assert (present.name, present.phone, present.language_code) == ("Bob", "", "ru")
    assert set(Customer.objects.values_list("name", flat=True)) == {"Bob", "C0", "C1"}
    assert found.state == ImportState.UNDONE
    assert browser.post(f"/app/import/{found.pk}/undo/").status_code == 409


def test_what_the_plan_does_not_allow_is_left_with_the_reason(
    browser: Client, owner: Membership
) -> None:
    override_quota(
        organization_id=owner.organization_id, metric=Metric.CONTACTS, limit=2, reason="Trial"
    )
    rows = "".join(f"C{number}\n" for number in range(5))
    found = imported(browser, f"Name\n{rows}", mode="create", key="")
    assert counts(found.report) == (2, 0, 0, 3)
    assert found.report == found.preview
    assert "plan" in found.report["examples"]["faulty"][0]["errors"][0][1]


def test_a_file_comes_in_parts_once_each(owner: Membership, browser: Client) -> None:
    content = FILE.encode()
    begun = browser.post(NEW, {"file_name": "people.csv", "size": len(content)}, follow=True).json()
    for number, part in ((0, content[:50]), (0, content[:50]), (1, content[50:])):
        sent = {"number": number, "part": SimpleUploadedFile("part", part)}
        assert browser.post(begun["parts"], sent).json() == begun
    found = ended(Import.objects.get())
    assert (found.state, found.rows, found.parts.filter(kind="source").count()) == ("mapping", 6, 2)
    late = {"number": 2, "part": SimpleUploadedFile("part", b"more")}
    assert browser.post(begun["parts"], late).status_code == 409


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
    assert browser.post(f"/app/import/{found.pk}/check/", asked).status_code == 400
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
    ],
)
def test_columns_are_recognized_in_three_languages(columns: list[str], mapping: list[str]) -> None:
    assert guess_mapping(CUSTOMERS, columns) == mapping


def test_imports_are_of_those_who_may_change_everything(
    owner: Membership, stranger: Membership, browser: Client, client: Client
) -> None:
    found = uploaded(browser, FILE.encode())
    page = f"/app/import/{found.pk}/"
    some = member_with(owner.organization, "Sven", rights(Module.CUSTOMERS, Level.ALL, Level.TEAM))
    for by, status in ((some, 403), (stranger, 404)):
        client.force_login(by.user)
        assert client.get(page).status_code == 404
        assert client.post(f"{page}run/").status_code == 404
        if by is some:
            assert client.get(NEW).status_code == status
            assert NEW not in client.get(CUSTOMERS.list_url).content.decode()


def test_what_can_no_longer_be_undone_goes(browser: Client) -> None:
    found = imported(browser)
    then = timezone.now() - importing.UNDO_FOR - timedelta(days=1)
    Import.objects.filter(pk=found.pk).update(finished_at=then)
    assert browser.post(f"/app/import/{found.pk}/undo/").status_code == 409
    assert set(found.parts.values_list("kind", flat=True)) == {"journal", "faults"}
    purge_imports()
    assert not ImportPart.objects.exists()


def test_what_nobody_finishes_has_an_end(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    found = uploaded(browser, FILE.encode())
    monkeypatch.setattr(importing, "MOST_UNFINISHED", 1)
    assert browser.post(NEW, {"file_name": "x.csv", "size": 9}).status_code == 409
    then = timezone.now() - importing.UNFINISHED_KEPT - timedelta(days=1)
    Import.objects.filter(pk=found.pk).update(created_at=then)
    purge_imports()
    assert browser.post(NEW, {"file_name": "x.csv", "size": 9}).status_code == 302


def test_a_starter_who_may_no_longer_import_stops_it(owner: Membership) -> None:
    some = member_with(owner.organization, "Sven", rights(Module.CUSTOMERS, Level.ALL, Level.ALL))
    found = start_import(by=some, record=CUSTOMERS, file_name="x.csv", size=len(FILE.encode()))
    add_content(by=some, import_id=found.pk, number=0, content=FILE.encode())
    assert some.custom_role
    some.custom_role.grants = {}
    some.custom_role.save()
    found = ended(found)
    assert (found.state, found.job and found.job.error_code) == ("failed", "forbidden")


@pytest.mark.parametrize("blank", ["\u200b", "\ufeff", "\u00a0\u2060"])
def test_a_cell_that_shows_nothing_is_empty(
    browser: Client, owner: Membership, present: Customer, blank: str
) -> None:
    Customer.objects.create(organization=owner.organization, name="Binh", phone="+84 90 111")
    found = imported(browser, f"Name,Email,Phone\n{blank},bo@shop.example,{blank}\nLan,{blank},\n")
    assert counts(found.report) == (1, 0, 1, 0)
    names = Customer.objects.order_by("name").values_list("name", "email", "phone")
    assert list(names) == [
        ("Binh", "", "+84 90 111"),
        ("Bob", "bo@shop.example", ""),
        ("Lan", "", ""),
    ]


def test_what_somebody_changed_or_added_since_the_preview_is_left(
    browser: Client, owner: Membership, present: Customer
) -> None:
    found = checked(browser, uploaded(browser, FILE.encode()))
    CUSTOMERS.update(by=owner, pk=present.pk, phone="+84 999")
    CUSTOMERS.create(by=owner, name="Anna", email="an@shop.example")
    found = post(browser, found, "run")
    assert counts(found.report) == (1, 0, 0, 5)
    left = [each["errors"] for each in found.report["examples"]["faulty"][:2]]
    assert left == [[["", "Somebody changed it meanwhile."]]] * 2
    present.refresh_from_db()
    assert (present.name, present.phone) == ("Bob", "+84 999")
    assert Customer.objects.get(email="an@shop.example").name == "Anna"


def test_of_two_imports_at_once_one_looks_and_stores_at_a_time(
    browser: Client, owner: Membership
) -> None:
    """The step of this connection is not committed."""
    found, other = (checked(browser, uploaded(browser, FILE.encode())) for _each in range(2))
    post(browser, found, "run")
    key = f"import|{owner.organization_id}|customers"
    elsewhere = connection.copy()
    try:
        with elsewhere.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [key])
            assert cursor.fetchone() == (False,)
    finally:
        elsewhere.close()
    assert counts(post(browser, other, "run").report) == (1, 0, 0, 5)


def test_a_cell_far_too_long_is_refused_before_any_work(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked = []

    def noted(text: str) -> str:
        worked.append(len(text))
        return search_key(text)

    long = "ệ" * 9_000
    found = uploaded(browser, f"Name,Email,Phone,Language\n{long},{long},{long},{long}\n".encode())
    monkeypatch.setattr(mapping, "search_key", noted)
    found = checked(browser, found)
    assert max(worked) < 100
    (row,) = found.preview["examples"]["faulty"]
    assert [len(cell) for cell in row["cells"]] == [rows.LONGEST_SHOWN] * 4
    assert len(row["errors"]) == 4
    assert all("(it has 9000)" in text for _heading, text in row["errors"])


def test_keys_are_remembered_in_steps(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("a", "b", "c", "d", "e", "f", "a", "g")
    lines = "".join(f"{name},{name}@shop.example\n" for name in names)
    found = checked(browser, uploaded(browser, f"Name,Email\n{lines}".encode()))
    browser.post(f"/app/import/{found.pk}/run/")
    found.refresh_from_db()
    assert found.job
    for _part in range(2):
        run_job(job_id=found.job.pk, seconds=0)
    monkeypatch.setattr(import_jobs, "PARTS_SKIPPED", 2)
    # The next turn does nothing but this in its first step.
    run_job(job_id=found.job.pk, seconds=0)
    assert Customer.objects.count() == 4
    run_job(job_id=found.job.pk)
    assert Customer.objects.count() == 7


def test_a_stopped_import_keeps_its_faulty_rows(browser: Client, owner: Membership) -> None:
    found = checked(
        browser, uploaded(browser, f"{FILE}Flo,,,\n".replace("An,an@", "An,@").encode())
    )
    browser.post(f"/app/import/{found.pk}/run/")
    found.refresh_from_db()
    assert found.job
    run_job(job_id=found.job.pk, seconds=0)
    cancel_job(by=owner, job_id=found.job.pk)
    _head, row = csv.reader(io.StringIO(faults(browser, found)))
    assert (row[0], row[4]) == ("An", "Email address: Enter a valid email address.")


@pytest.mark.parametrize("state", ["uploading", "mapping", "checked", "failed"])
def test_what_is_not_finished_is_discarded(browser: Client, state: str) -> None:
    found = uploaded(browser, FILE.encode())
    Import.objects.filter(pk=found.pk).update(state=state)
    discard = f"/app/import/{found.pk}/discard/"
    assert discard in browser.get(f"/app/import/{found.pk}/").content.decode()
    assert browser.post(discard)["Location"] == NEW
    assert not Import.objects.exists()
    assert not ImportPart.objects.exists()


def test_what_stored_rows_is_not_discarded(browser: Client) -> None:
    found = imported(browser)
    assert browser.post(f"/app/import/{found.pk}/discard/").status_code == 409


@pytest.mark.parametrize(("bound", "most"), [("MOST_LOOKS", 2), ("MOST_ROWS_LOOKED_AT", 12)])
def test_reading_and_checking_again_has_an_end(
    browser: Client, monkeypatch: pytest.MonkeyPatch, bound: str, most: int
) -> None:
    found = checked(browser, uploaded(browser, FILE.encode()))
    monkeypatch.setattr(importing, bound, most)
    again = {f"column-{at}": name for at, name in enumerate(found.mapping)}
    asked = {"mode": "both", "key": "email", **again}
    assert browser.post(f"/app/import/{found.pk}/check/", asked).status_code == 409
    assert browser.post(f"/app/import/{found.pk}/read/", {"encoding": "utf-8"}).status_code == 409
    assert post(browser, found, "run").state == ImportState.DONE
