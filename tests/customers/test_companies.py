"""Companies: their tree, sites, people and owners."""

import re
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm.core.errors import Forbidden, InvalidField, NotFound
from crm.core.permissions import Level, Module
from crm.core.records import ListState, get_record, parse_json
from crm.core.records.bulk import ChosenRow, run_bulk
from crm.core.records.record import DELETE
from crm.core.undo.services import UndoImpossible, undo
from crm.core.versions import EditedMeanwhile
from crm.customers.models import MAX_LEVELS, Company, Customer
from crm.customers.services import (
    create_company,
    create_customer,
    create_customers,
    delete_company,
    update_company,
    update_customer,
    update_customers,
)
from crm.organizations.models import Membership, Organization
from tests.api.conftest import Api
from tests.organizations.people import make_team, member_with, present, rights
from tests.patience import PATIENCE
from tests.transfer.files import import_file

pytestmark = pytest.mark.django_db
COMPANIES, CUSTOMERS = get_record("companies"), get_record("customers")


def assert_chosen(form: str, company: Company) -> None:
    """Assert that the picker of a form holds a company, and shows its name."""
    picker = re.search(r'name="company_id" value="([^"]*)">\s*<input [^>]*value="([^"]*)"', form)
    assert picker is not None
    assert picker.groups() == (str(company.pk), company.name)


def chain(by: Membership, length: int) -> list[Company]:
    """Return companies, each the subsidiary of the one before."""
    made: list[Company] = []
    for number in range(length):
        parent_id = made[-1].pk if made else None
        made.append(create_company(by=by, name=f"Level {number + 1}", parent_id=parent_id))
    return made


def test_no_company_is_its_own_subsidiary(owner: Membership) -> None:
    top, middle, low = chain(owner, 3)
    for parent_id in (top.pk, middle.pk, low.pk):
        with pytest.raises(InvalidField, match="its own subsidiary") as refusal:
            update_company(by=owner, pk=top.pk, parent_id=parent_id)
        assert refusal.value.extra == {"field": "parent_id"}
    top.refresh_from_db()
    assert (top.parent_id, top.version) == (None, 1)


def test_companies_have_ten_levels_at_most(owner: Membership) -> None:
    levels = chain(owner, MAX_LEVELS)
    with pytest.raises(InvalidField, match="10 levels") as refusal:
        create_company(by=owner, name="Too low", parent_id=levels[-1].pk)
    assert refusal.value.extra == {"field": "parent_id"}
    above = create_company(by=owner, name="Above")
    with pytest.raises(InvalidField, match="10 levels"):
        update_company(by=owner, pk=levels[0].pk, parent_id=above.pk)
    update_company(by=owner, pk=levels[1].pk, parent_id=above.pk)
    assert Company.objects.filter(name="Too low").count() == 0


def test_a_form_says_what_is_wrong_with_the_parent_company(
    owner: Membership, client: Client
) -> None:
    top, low = chain(owner, 2)
    client.force_login(owner.user)
    given = {"parent_id": str(low.pk), "initial-parent_id": "", "_version": "1"}
    refused = client.post(COMPANIES.edit_url_of(top), {"name": top.name} | given)
    assert refused.status_code == 422
    assert list(refused.context["form"].errors) == ["parent_id"]


@pytest.mark.django_db(transaction=True)
def test_two_at_once_make_no_cycle(owner: Membership) -> None:
    one, other = (create_company(by=owner, name=name) for name in ("One", "Other"))

    def place(company: Company, parent: Company) -> None:
        try:
            update_company(by=owner, pk=company.pk, parent_id=parent.pk)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            update_company(by=owner, pk=one.pk, parent_id=other.pk)
            waiting = pool.submit(place, other, one)
            with pytest.raises(StillWaiting):
                waiting.result(timeout=0.5)
        with pytest.raises(InvalidField):
            waiting.result(timeout=PATIENCE)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("https://www.Example.com/x", "example.com"),
        ("HTTP://Example.com:80", "example.com"),
        ("shop.example.com:8443/a?b#c", "shop.example.com"),
        (" www.example.com. ", "example.com"),
        ("КОФЕ.рф", "xn--e1ajmy.xn--p1ai"),
        ("xn--e1ajmy.xn--p1ai", "xn--e1ajmy.xn--p1ai"),
        ("", ""),
    ],
)
def test_a_site_is_stored_as_its_host_name(owner: Membership, typed: str, stored: str) -> None:
    answer = Api(owner).post("/api/v1/companies", {"name": "Sen", "domain": typed})
    assert (answer.status_code, answer.json()["domain"]) == (201, stored)
    where = {"field": "domain", "op": "is", "value": typed}
    if typed:
        rows = ListState(COMPANIES, parse_json(COMPANIES, where)).rows(owner)
        assert [row.domain for row in rows] == [stored]


@pytest.mark.parametrize(
    "typed", ["sen", "a@b.example", "mailto:a@b.example", "10.0.0.1", "[::1]", "*.b.example", "a b"]
)
def test_what_is_no_site_is_refused(owner: Membership, client: Client, typed: str) -> None:
    refused = Api(owner).post("/api/v1/companies", {"name": "Sen", "domain": typed})
    assert refused.status_code == 400
    assert list(refused.json()["errors"]) == ["domain"]
    client.force_login(owner.user)
    form = client.post(COMPANIES.new_url, {"name": "Sen", "domain": typed})
    assert form.status_code == 422
    assert list(form.context["form"].errors) == ["domain"]
    assert not Company.objects.exists()


def test_a_site_is_shown_in_its_own_script(owner: Membership, client: Client) -> None:
    company = create_company(by=owner, name="Кофе", domain="кофе.рф")
    client.force_login(owner.user)
    assert 'href="https://кофе.рф"' in client.get(COMPANIES.url_of(company)).content.decode()
    assert 'value="кофе.рф"' in client.get(COMPANIES.edit_url_of(company)).content.decode()


@pytest.mark.parametrize(
    "text", ["beach", "sen tra", "my khe", "0401", "sentrang.example", "555 0121", "booking@"]
)
def test_companies_are_found_by_words(owner: Membership, text: str) -> None:
    create_company(by=owner, name="Other", domain="other.example", tax_code="77")
    company = create_company(
        by=owner,
        name="Sen Trang Mỹ Khê Beach Hotel",
        domain="sentrang.example",
        tax_code="0401888102",
        phone="+84 236 555 0121",
        email="booking@sentrang.example",
    )
    assert list(ListState(COMPANIES, search=text).rows(owner)) == [company]
    update_company(
        by=owner, pk=company.pk, name="Lotus", domain="", tax_code="", email="", phone=""
    )
    assert not ListState(COMPANIES, search=text).rows(owner).exists()


def test_the_undo_of_a_deletion_gives_the_company_back(owner: Membership) -> None:
    top, company, low = chain(owner, 3)
    other = create_company(by=owner, name="Other")
    stays, moves = (
        create_customer(by=owner, name=name, company_id=company.pk) for name in ("Stays", "Moves")
    )
    action_id = delete_company(by=owner, pk=company.pk)
    assert action_id
    for row, version in ((stays, 2), (low, 2)):
        row.refresh_from_db()
        assert row.version == version
    assert (stays.company_id, low.parent_id) == (None, None)
    with pytest.raises(EditedMeanwhile):
        update_customer(by=owner, customer_id=stays.pk, version=1, name="Late")
    update_customer(by=owner, customer_id=moves.pk, company_id=other.pk)
    undo(by=owner, action_id=action_id)
    for row in (stays, moves, low):
        row.refresh_from_db()
    assert stays.company_id == low.parent_id == company.pk
    assert moves.company_id == other.pk
    back = Company.objects.get(pk=company.pk)
    assert back.parent_id == top.pk
    assert back in ListState(COMPANIES, search="level 2").rows(owner)


def test_an_undo_makes_no_cycle(owner: Membership) -> None:
    top, middle, low = chain(owner, 3)
    action_id = delete_company(by=owner, pk=middle.pk)
    update_company(by=owner, pk=top.pk, parent_id=low.pk)
    assert action_id
    with pytest.raises(UndoImpossible):
        undo(by=owner, action_id=action_id)
    assert not Company.objects.filter(pk=middle.pk).exists()


def test_many_are_deleted_with_their_subsidiaries_and_come_back_as_they_were(
    owner: Membership,
) -> None:
    made = chain(owner, 3)
    chosen = [ChosenRow(each.pk, each.version) for each in made]
    result = run_bulk(by=owner, record=COMPANIES, action=DELETE, chosen=chosen, values={})
    assert (result.done, result.left_out) == (3, [])
    assert result.action_id
    undo(by=owner, action_id=result.action_id)
    parents = {each.pk: each.parent_id for each in Company.objects.all()}
    assert parents == {each.pk: each.parent_id for each in made}


def test_owners_decide_who_sees_and_changes_a_company(organization: Organization) -> None:
    own, mate, boss = (
        member_with(organization, name, rights(Module.CUSTOMERS, level, level))
        for name, level in (("Own", Level.OWN), ("Mate", Level.TEAM), ("Boss", Level.ALL))
    )
    make_team("Sales", own, mate)
    own, mate, boss = map(present, (own, mate, boss))
    owned = {each: create_company(by=each, name=each.actor_name) for each in (own, mate, boss)}
    nobodys = create_company(by=boss, name="Nobody", owner_id=None)
    seen = {each: {row.name for row in COMPANIES.visible_to(each)} for each in owned}
    assert seen == {
        own: {"Own"},
        mate: {"Own", "Mate", "Nobody"},
        boss: {"Own", "Mate", "Boss", "Nobody"},
    }
    update_company(by=mate, pk=nobodys.pk, tax_code="1")
    for company in (owned[mate], nobodys):
        with pytest.raises(NotFound):
            update_company(by=own, pk=company.pk, tax_code="2")
        with pytest.raises(NotFound):
            delete_company(by=own, pk=company.pk)
    reads = present(member_with(organization, "Reads", rights(Module.CUSTOMERS, Level.ALL)))
    with pytest.raises(Forbidden):
        update_company(by=reads, pk=nobodys.pk, tax_code="3")


def test_nobody_names_a_company_that_they_do_not_see(
    organization: Organization, owner: Membership, stranger: Membership
) -> None:
    me = member_with(organization, "Pat", rights(Module.CUSTOMERS, Level.OWN, Level.OWN))
    foreign = create_company(by=stranger, name="Foreign")
    for by, company in ((me, create_company(by=owner, name="Theirs")), (owner, foreign)):
        customer = create_customer(by=by, name="An")
        with pytest.raises(InvalidField):
            create_customer(by=by, name="Bo", company_id=company.pk)
        with pytest.raises(InvalidField):
            update_customer(by=by, customer_id=customer.pk, company_id=company.pk)
        with pytest.raises(InvalidField):
            create_company(by=by, name="Low", parent_id=company.pk)
    values: dict[str, Any] = {"name": "Cy", "company_id": foreign.pk}
    (made,) = create_customers(by=owner, rows=[values])
    assert isinstance(made, InvalidField)
    changes = {customer.pk: {"company_id": foreign.pk}}
    assert isinstance(update_customers(by=owner, changes=changes)[customer.pk], InvalidField)
    assert not Customer.objects.filter(company__isnull=False).exists()


def test_the_page_of_a_company_shows_its_people_and_subsidiaries_that_one_may_see(
    organization: Organization, owner: Membership, client: Client
) -> None:
    me = member_with(organization, "Pat", rights(Module.CUSTOMERS, Level.OWN, Level.OWN))
    company = create_company(by=owner, name="Sen", owner_id=me.user_id)
    for by, name in ((owner, "Hidden"), (me, "Shown")):
        create_customer(by=by, name=f"{name} person", company_id=company.pk, job_title="Cook")
    create_company(by=owner, name="Hidden low", parent_id=company.pk)
    create_company(by=me, name="Shown low", parent_id=company.pk)
    client.force_login(me.user)
    text = client.get(COMPANIES.url_of(company)).content.decode()
    assert "Shown person" in text
    assert "Shown low" in text
    assert "Cook" in text
    assert "Hidden" not in text
    assert f"{reverse('customers:new')}?company_id={company.pk}" in text
    form = client.get(reverse("customers:new"), {"company_id": str(company.pk)})
    assert_chosen(form.content.decode(), company)


def test_the_page_of_a_company_takes_as_many_queries_with_many_people(
    owner: Membership, client: Client
) -> None:
    company = create_company(by=owner, name="Sen")
    client.force_login(owner.user)
    counts = []
    for count in (2, 12):
        for number in range(count):
            create_customer(by=owner, name=f"An {number}", company_id=company.pk)
            create_company(by=owner, name=f"Low {number}", parent_id=company.pk)
        client.get(COMPANIES.url_of(company))
        with CaptureQueriesContext(connection) as queries:
            page = client.get(COMPANIES.url_of(company))
        counts.append(len(queries))
    # Of more than are shown, all are counted.
    assert counts[1] == counts[0] + 2
    assert f"/app/customers/?company_id__in={company.pk}" in page.content.decode()
    listed = client.get(CUSTOMERS.list_url, {"company_id__in": str(company.pk)})
    assert len(listed.context["rows"]) == 14


def test_customers_of_a_company_are_listed_to_those_who_see_it(
    organization: Organization, owner: Membership
) -> None:
    me = member_with(organization, "Pat", rights(Module.CUSTOMERS, Level.OWN, Level.OWN))
    company = create_company(by=owner, name="Sen")
    customer = create_customer(by=me, name="An")
    update_customer(by=owner, customer_id=customer.pk, company_id=company.pk)
    for reader, found in ((owner, [str(customer.pk)]), (me, [])):
        answer = Api(reader).get("/api/v1/customers", {"company_id": str(company.pk)})
        assert [each["id"] for each in answer.json()["results"]] == found


def test_the_company_of_the_address_is_chosen_in_the_form(
    owner: Membership, client: Client
) -> None:
    create_company(by=owner, name="Aa")
    last = create_company(by=owner, name="Zz")
    client.force_login(owner.user)
    form = client.get(CUSTOMERS.new_url, {"company_id": str(last.pk)}).content.decode()
    assert_chosen(form, last)
    client.post(CUSTOMERS.new_url, {"name": "An", "company_id": str(last.pk)})
    assert Customer.objects.get().company_id == last.pk


def test_an_import_of_customers_adds_the_companies_that_it_names(owner: Membership) -> None:
    known = create_company(by=owner, name="Sen Trang")
    table = (
        "Name,Email,Company,Job title\n"
        "An,an@shop.example,SEN TRANG,Cook\n"
        "Bo,bo@shop.example,Kofe,\n"
        "Cy,cy@shop.example,kofe,\n"
        "Di,di@shop.example,,\n"
    )
    assert import_file(owner, CUSTOMERS, table.encode()) == {"created": 4}
    companies = {each.name: each.pk for each in Company.objects.all()}
    assert set(companies) == {"Sen Trang", "Kofe"}
    named: dict[str, UUID | None] = dict(Customer.objects.values_list("name", "company_id"))
    kofe = companies["Kofe"]
    assert named == {"An": known.pk, "Bo": kofe, "Cy": kofe, "Di": None}
    assert Customer.objects.get(name="An").job_title == "Cook"
    assert Company.objects.get(name="Kofe").owner_id == owner.user_id


def test_an_import_of_companies_matches_the_site_however_it_is_written(owner: Membership) -> None:
    company = create_company(by=owner, name="Sen", domain="sen.example")
    table = "Name,Website,Owner\nSen Trang,https://www.SEN.example/,olga@acme.example\n"
    owner.user.email = "olga@acme.example"
    owner.user.save()
    update_company(by=owner, pk=company.pk, owner_id=None)
    assert import_file(owner, COMPANIES, table.encode()) == {"updated": 1}
    company.refresh_from_db()
    assert (company.name, company.owner_id) == ("Sen Trang", owner.user_id)
