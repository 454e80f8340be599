"""Days and numbers of files, as their writers meant them, and as the preview shows them."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import translation

from crm.core.jobs.models import Job
from crm.core.records.value_fields import DecimalFormField
from crm.core.transfer.formats import Format, head_of, rows_of, text_of
from crm.customers.models import Customer
from crm.deals.models import Deal, Stage, StageKind
from crm.deals.services import create_pipeline
from crm.organizations.models import Membership
from tests.api.conftest import Api
from tests.jobs.counting import finish
from tests.transfer.test_tables import workbook

pytestmark = pytest.mark.django_db

IMPORTS = "/api/v1/imports"


def checked(api: Api, name: str, content: bytes) -> tuple[str, dict[str, Any]]:
    """Upload a file of deals and preview it; return its address, and the preview."""
    sent = {"record": "deals", "file": SimpleUploadedFile(name, content)}
    one: str = api.client.post(IMPORTS, sent)["Location"]
    finish(Job.objects.get(pk=api.get(one).json()["job"]))
    answer = api.post(f"{one}/check", {"key": "name"})
    finish(Job.objects.get(pk=answer.json()["job"]))
    return one, api.get(one).json()["preview"]


def run(api: Api, one: str) -> None:
    finish(Job.objects.get(pk=api.post(f"{one}/run", {}).json()["job"]))


@pytest.fixture
def api(owner: Membership) -> Api:
    api = Api(owner)
    api.client.defaults["HTTP_ACCEPT_LANGUAGE"] = "vi"
    return api


def test_days_and_amounts_are_read_as_the_language_writes_them(api: Api) -> None:
    rows = "Name,Amount,Currency,Expected_on\nBeans,1.200,USD,01/10/2026\nTea,0.5,USD,13/10/2026\n"
    one, preview = checked(api, "deals.csv", rows.encode())
    assert preview["faulty"] == 0, [each["faults"] for each in preview["examples"]]
    shown = [{change["after"] for change in each["changes"]} for each in preview["examples"]]
    assert {"01/10/2026", "1.200"} <= shown[0]
    run(api, one)
    stored = Deal.objects.order_by("name").values_list("name", "amount", "expected_on")
    assert list(stored) == [
        ("Beans", Decimal(1200), date(2026, 10, 1)),
        ("Tea", Decimal("0.5"), date(2026, 10, 13)),
    ]


def test_a_number_of_a_workbook_has_no_thousands(api: Api) -> None:
    names = ["Name", "Amount", "Currency"]
    rows = [["Beans", 12.345, "USD"], ["Tea", 0.1 + 0.2, "USD"]]
    cells = [dict(zip(names, row, strict=True)) for row in rows]
    sheet = head_of(Format.XLSX, names) + rows_of(Format.XLSX, names, cells)
    one, preview = checked(api, "deals.xlsx", workbook(sheet))
    # Dollars have two places: it is refused, and not taken for twelve thousand.
    assert (preview["created"], preview["faulty"]) == (1, 1)
    run(api, one)
    assert list(Deal.objects.values_list("name", "amount")) == [("Tea", Decimal("0.3"))]


@pytest.mark.parametrize("language", ["en", "vi", "ru"])
def test_a_number_that_is_exported_is_read_as_the_same(language: str) -> None:
    field = DecimalFormField(max_digits=20, decimal_places=8)
    with translation.override(language):
        for number in ("1.085", "26000", "25450.5", "0.00000001", "-1.125"):
            assert field.clean(text_of(Decimal(number))) == Decimal(number)


def test_an_import_is_run_in_the_language_of_its_preview(api: Api) -> None:
    one, preview = checked(api, "deals.csv", b"Name,Currency,Expected_on\nBeans,USD,05/04/2027\n")
    assert preview["created"] == 1
    api.client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    run(api, one)
    assert Deal.objects.get().expected_on == date(2027, 4, 5)


@pytest.mark.parametrize("typed", ["rt@x.example", " RT@X.Example", "rt@xn--e1afmkfd.example"])
def test_a_related_row_is_named_by_an_address_as_it_is_stored(
    api: Api, owner: Membership, typed: str
) -> None:
    stored = "rt@пример.example" if "xn--" in typed else "rt@x.example"
    customer = Customer.objects.create(organization=owner.organization, name="RT", email=stored)
    one, preview = checked(api, "deals.csv", f"Name,Currency,Customer\nA,USD,{typed}\n".encode())
    assert preview["faulty"] == 0, [each["faults"] for each in preview["examples"]]
    run(api, one)
    assert Deal.objects.get().customer_id == customer.pk


def faults(preview: dict[str, Any]) -> list[list[str]]:
    return [[fault["reason"] for fault in each["faults"]] for each in preview["examples"]]


def test_a_stage_is_named_as_on_the_board_where_that_is_of_one_alone(owner: Membership) -> None:
    api, first = Api(owner), Stage.objects.filter(kind=StageKind.OPEN).order_by("position")[0]
    rows = f"Name,Currency,Stage\nBeans,USD,{first.name}\n".encode()
    one, preview = checked(api, "deals.csv", rows)
    assert preview["created"] == 1, faults(preview)
    run(api, one)
    assert Deal.objects.get().stage_id == first.pk
    other = create_pipeline(by=owner, name="Export")
    assert other.pk != first.pipeline_id
    _one, preview = checked(api, "deals.csv", rows.replace(b"Beans", b"Tea"))
    ((reason,),) = faults(preview)
    assert first.full_name in reason
    assert f"Export: {first.name}" in reason


def test_all_that_is_wrong_with_a_row_is_said_at_once(owner: Membership) -> None:
    rows = b"Name,Amount,Currency,Stage,Customer,Expected_on\n"
    rows += b"A,100 PHP,XYZ,No stage,Nobody,31.02.2026\n"
    _one, preview = checked(Api(owner), "deals.csv", rows)
    ((*reasons,),) = faults(preview)
    assert len(reasons) == 5, reasons
    assert any("2026-12-24" in reason for reason in reasons)
    assert any("own field" in reason for reason in reasons)
    assert any("such as" in reason for reason in reasons)
