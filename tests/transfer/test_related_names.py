"""Files and reports name rows of another area to those alone who may see them."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile

from crm.core.jobs.models import Job
from crm.core.permissions import Grant, Level, Module, Rights
from crm.core.records import CHANGE_OWNER, ListState, get_record
from crm.core.records.bulk import ChosenRow, run_bulk
from crm.core.transfer.exporting import start_export
from crm.core.transfer.formats import Format
from crm.core.undo.services import undo
from crm.customers.models import Customer
from crm.deals.models import Deal
from crm.deals.services import create_deal
from crm.organizations.models import Membership, Organization, User
from tests.api.conftest import Api
from tests.core.consoles import do, staff_with
from tests.jobs.counting import finish
from tests.organizations.people import give, member_with, present

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "Minh Secret"
ALL = Grant(Level.ALL, Level.ALL)
MANAGER = {Module.SETTINGS: ALL, Module.DEALS: ALL}
SEES_CUSTOMERS = {Module.CUSTOMERS: Grant(Level.ALL, Level.NONE)}


@pytest.fixture
def deal(owner: Membership) -> Deal:
    customer = Customer.objects.create(organization=owner.organization, name=SECRET)
    return create_deal(by=owner, name="Beans", customer_id=customer.pk)


def exported(by: Membership) -> Job:
    state = ListState(get_record("deals"))
    return finish(
        start_export(by=by, state=state, form=Format.CSV, has_bom=False, all_columns=True)
    )


def status_of(job: Job, reader: Membership) -> int:
    answer = Api(present(reader)).client.get(f"/api/v1/jobs/{job.pk}/files/result")
    return int(answer.status_code)


def test_an_export_is_for_those_who_may_see_whom_it_names(
    owner: Membership, organization: Organization, deal: Deal
) -> None:
    job = exported(owner)
    manager = member_with(organization, "Pat", Rights(MANAGER))
    reader = member_with(organization, "Quyen", Rights(MANAGER | SEES_CUSTOMERS))
    assert [status_of(job, each) for each in (owner, manager, reader)] == [200, 404, 200]
    # One's own, too, once one may no longer see customers.
    own = exported(reader)
    give(reader, Rights(MANAGER))
    assert status_of(own, reader) == 404
    # What was exported without them names nobody.
    assert status_of(exported(manager), manager) == 200


def test_an_operator_fetches_it_with_the_permission_to_view_these(
    owner: Membership, deal: Deal
) -> None:
    job = exported(owner)
    client = staff_with("view_job", "view_deal")
    refused = do(client, "fetch", job)
    assert refused.headers.get("Content-Disposition") is None
    staff = User.objects.get(email="staff@nextflow.example")
    # A deal names a customer and a company.
    for each in ("view_customer", "view_company"):
        assert do(client, "fetch", job).headers.get("Content-Disposition") is None
        staff.user_permissions.add(Permission.objects.get(codename=each))
    assert "attachment" in do(client, "fetch", job)["Content-Disposition"]


def _run(api: Api, content: bytes) -> tuple[str, dict[str, Any]]:
    """Import a file of deals; return its address, and what is said of it."""
    file = SimpleUploadedFile("deals.csv", content)
    one: str = api.client.post("/api/v1/imports", {"record": "deals", "file": file})["Location"]
    finish(Job.objects.get(pk=api.get(one).json()["job"]))
    for step, body in (("check", {"key": "name"}), ("run", {})):
        answer = api.post(f"{one}/{step}", body)
        assert answer.status_code == 202, answer.content
        finish(Job.objects.get(pk=answer.json()["job"]))
    return one, api.get(one).json()


def befores(said: dict[str, Any]) -> list[str]:
    return [
        change["before"]
        for name in ("preview", "report")
        for each in said[name]["examples"]
        for change in each["changes"]
        if change["after"] != "200.00"
    ]


def test_an_import_names_a_row_before_to_those_alone_who_may_see_it(
    owner: Membership, organization: Organization, deal: Deal
) -> None:
    Customer.objects.create(organization=organization, name="Other")
    one, said = _run(Api(owner), b"Name,Customer\nBeans,Other\n")
    assert befores(said) == [SECRET, SECRET]
    manager = member_with(organization, "Pat", Rights(MANAGER))
    assert befores(Api(manager).get(one).json()) == ["Hidden", "Hidden"]
    manager_page = Api(manager).client
    manager_page.force_login(manager.user)
    assert SECRET not in manager_page.get(f"/app/import/{one.rpartition('/')[2]}/").content.decode()


def test_the_undo_of_an_import_puts_back_what_its_user_does_not_see(
    organization: Organization, owner: Membership, deal: Deal
) -> None:
    seller = member_with(
        organization,
        "Pat",
        Rights({Module.DEALS: ALL, Module.CUSTOMERS: Grant(Level.OWN, Level.OWN)}),
    )
    before = deal.customer_id
    own = get_record("customers").create(by=seller, name="Mine")
    api = Api(seller)
    one, said = _run(api, b"Name,Customer\nBeans,Mine\n")
    assert befores(said) == ["Hidden", "Hidden"]
    deal.refresh_from_db()
    assert deal.customer_id == own.pk
    undone = api.post(f"{one}/undo", {})
    finish(Job.objects.get(pk=undone.json()["job"]))
    assert api.get(one).json()["undo_report"] == {"restored": 1}
    deal.refresh_from_db()
    assert deal.customer_id == before


def test_the_undo_of_new_owners_gives_rows_back_to_who_left(
    owner: Membership, organization: Organization, deal: Deal
) -> None:
    gone = member_with(organization, "Pat", Rights(MANAGER))
    Deal.objects.filter(pk=deal.pk).update(owner=gone.user)
    result = run_bulk(
        by=owner,
        record=get_record("deals"),
        action=CHANGE_OWNER,
        chosen=[ChosenRow(deal.pk)],
        values={"owner_id": owner.user_id},
    )
    Membership.objects.filter(pk=gone.pk).update(is_active=False)
    assert result.action_id
    undo(by=owner, action_id=result.action_id)
    deal.refresh_from_db()
    assert deal.owner_id == gone.user_id
