"""Imports: what the preview says is what becomes of the rows, once."""

import csv
import io

import pytest
from django.db import connection
from django.test import Client

from crm.billing.metrics import Metric
from crm.billing.services.overrides import override_quota
from crm.core.jobs.models import Job
from crm.core.jobs.running import run_job
from crm.core.jobs.services import cancel_job
from crm.core.permissions import Level, Module
from crm.core.records import get_record
from crm.core.text.folding import search_key
from crm.core.transfer import import_jobs, mapping
from crm.core.transfer.formats import Format, file_info, head_of, rows_of
from crm.core.transfer.importing import add_content, start_import
from crm.core.transfer.models import Import, ImportPart, PartKind
from crm.core.transfer.outcomes import MAX_SHOWN_LENGTH
from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.compliance.audits import entries, settle
from tests.organizations.people import member_with, rights
from tests.transfer.pages import (
    FILE,
    NEW,
    checked,
    counts,
    ended,
    faults,
    imported,
    post,
    press,
    uploaded,
)

pytestmark = pytest.mark.django_db
CUSTOMERS = get_record("customers")


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
        (6, [["Language", "“xx” is not one of the choices: English, Vietnamese, Russian."]]),
    ]
    (changed,) = found.preview["examples"]["updated"]
    assert changed["changes"] == [["Name", "Bob", "Bo"], ["Language", "", "Vietnamese"]]
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


def test_an_apostrophe_of_a_workbook_is_one(browser: Client) -> None:
    """Of a CSV file it is the mark before what looks like a formula."""
    name = "'=1+1"
    for form, stored in ((Format.XLSX, name), (Format.CSV, "=1+1")):
        rows = f'"Name"\n"{name}"\n'
        if form == Format.XLSX:
            rows = head_of(form, ["Name"]) + rows_of(form, ["Name"], [{"Name": name}])
        content = b"".join(file_info(form, "x").wrap(iter([rows.encode()])))
        found = checked(browser, uploaded(browser, content), mode="create", key="")
        assert counts(post(browser, found, "run").report) == (1, 0, 0, 0)
        assert Customer.objects.latest("created_at").name == stored


@pytest.mark.parametrize("do", ["run", "check", "read", "discard"])
def test_what_is_done_is_done_to_what_was_shown(browser: Client, do: str) -> None:
    """Whoever looks at an older preview is shown the present one instead."""
    shown = checked(browser, uploaded(browser, FILE.encode()))
    found = checked(browser, Import.objects.get(), mode="create", key="")
    mapping = {f"column-{at}": name for at, name in enumerate(found.mapping)}
    fields = {"mode": "both", "key": "email", "encoding": "utf-8", **mapping}
    for job in (str(shown.job_id), ""):
        answer = press(browser, shown, do, **fields | {"job": job})
        assert answer.status_code == 409
        page = answer.content.decode()
        assert "The import has gone on meanwhile." in page
        assert f'name="job" value="{found.job_id}"' in page
    assert Job.objects.count() == 3
    assert not Customer.objects.exists()
    assert counts(post(browser, found, "run").report) == (4, 0, 0, 2)


@pytest.mark.parametrize("do", ["read", "check", "run", "undo", "discard"])
def test_a_second_press_gets_the_first_answer(browser: Client, do: str) -> None:
    found = (
        imported(browser) if do == "undo" else checked(browser, uploaded(browser, FILE.encode()))
    )
    mapping = {f"column-{at}": name for at, name in enumerate(found.mapping)}
    fields = {"mode": "both", "key": "email", "encoding": "utf-8", **mapping, "_once": "a" * 32}
    first, second = (press(browser, found, do, **fields) for _each in range(2))
    assert (first.status_code, first["Location"]) == (302, second["Location"])
    assert second.status_code == 302


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
    assert press(browser, found, "run").status_code == 302
    found.refresh_from_db()
    assert found.job
    run_job(job_id=found.job.pk, seconds=0)
    assert Customer.objects.count() == 2
    assert counts(ended(found).report) == (2, 1, 0, 3)
    assert Customer.objects.count() == 3


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
    assert [len(cell) for cell in row["cells"]] == [MAX_SHOWN_LENGTH]
    assert len(row["errors"]) == 4
    assert all("(it has 9000)" in text for _heading, text in row["errors"])


def test_keys_are_remembered_in_steps(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("a", "b", "c", "d", "e", "f", "a", "g")
    lines = "".join(f"{name},{name}@shop.example\n" for name in names)
    found = checked(browser, uploaded(browser, f"Name,Email\n{lines}".encode()))
    press(browser, found, "run")
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
    press(browser, found, "run")
    found.refresh_from_db()
    assert found.job
    run_job(job_id=found.job.pk, seconds=0)
    cancel_job(by=owner, job_id=found.job.pk)
    _head, row = csv.reader(io.StringIO(faults(browser, found)))
    assert (row[0], row[4]) == ("An", "Email address: Enter a valid email address.")
