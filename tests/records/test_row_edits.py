"""Editing in the dialog of a list: one field or all of them, with the row rendered anew."""

from typing import Any

import pytest
from django.test import Client

from crm.core.permissions import Level, Module
from crm.core.records import get_record
from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.forms.browsers import form_of
from tests.organizations.people import member_with, rights

pytestmark = pytest.mark.django_db
CUSTOMERS = get_record("customers")


@pytest.fixture
def an(owner: Membership) -> Customer:
    return Customer.objects.create(organization=owner.organization, name="An", stage="customer")


def asked(browser: Client, an: Customer, field: str = "phone") -> Any:
    address = f"{CUSTOMERS.edit_url_of(an)}?field={field}&columns=name,phone"
    return browser.get(address, headers={"HX-Request": "true"})


def saved(browser: Client, page: Any, **values: str) -> Any:
    address = f"{page.request['PATH_INFO']}?{page.request['QUERY_STRING']}"
    sent = form_of(page, having=next(iter(values))) | values
    return browser.post(address, sent, headers={"HX-Request": "true"})


def test_one_field_is_edited_and_the_row_comes_back(browser: Client, an: Customer) -> None:
    page = asked(browser, an)
    assert [field.name for field in page.context["form"].visible_fields()] == ["phone"]
    stored = saved(browser, page, phone="+84 90 123 4567")
    text = stored.content.decode()
    assert "data-row-edited" in text
    an.refresh_from_db()
    assert (an.name, an.phone) == ("An", "+84 90 123 4567")
    assert f'id="row-{an.pk.hex}"' in text
    assert f'value="{an.pk.hex}:{an.version}"' in text
    assert text.count("<td data-label") == 1


def test_a_fault_and_a_conflict_stay_in_the_dialog(
    browser: Client, owner: Membership, an: Customer
) -> None:
    page = asked(browser, an)
    refused = saved(browser, page, phone="call me")
    assert refused.status_code == 200
    assert "data-row-edited" not in refused.content.decode()
    assert refused.context["form"].errors["phone"]
    CUSTOMERS.update(by=owner, pk=an.pk, phone="+84 24 1")
    met = saved(browser, page, phone="+84 24 2")
    (conflict,) = met.context["form"].conflicts
    assert (conflict["mine"], conflict["theirs"]) == ("+84 24 2", "+84 24 1")
    an.refresh_from_db()
    assert an.phone == "+84 24 1"
    saved(browser, met, phone="+84 24 2")
    an.refresh_from_db()
    assert an.phone == "+84 24 2"


def test_what_is_no_field_of_the_form_is_not_there(browser: Client, an: Customer) -> None:
    for field in ("stage", "organization", "nothing"):
        assert asked(browser, an, field).status_code == 404


def test_who_may_not_change_the_row_gets_no_form(
    owner: Membership, client: Client, an: Customer
) -> None:
    reader = member_with(owner.organization, "Pat", rights(Module.CUSTOMERS, Level.ALL, Level.OWN))
    client.force_login(reader.user)
    assert asked(client, an).status_code == 403
    assert client.get(CUSTOMERS.edit_url_of(an)).status_code == 403
