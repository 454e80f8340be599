"""A visitor whose site proves who they are finds their conversation in another browser."""

import time

import jwt
import pytest
from playwright.sync_api import Browser, expect

from chat.models import Widget
from chat.services.identity_secrets import add_identity_secret
from crm.accounts.models import Membership
from crm.customers.models import Customer
from tests.browser.widget_page import WidgetPage, only_conversation, stored_texts

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def identify(visitor: WidgetPage, token: str) -> None:
    visitor.page.evaluate(f"nextflow('identify', {{ token: '{token}', name: 'Minh' }})")


def test_the_conversation_follows_the_person_to_another_browser(
    chromium: Browser,
    visitor: WidgetPage,
    shop: str,
    owner: Membership,
    people_widget: Widget,
) -> None:
    made = add_identity_secret(by=owner, widget_id=people_widget.pk)

    def signed() -> str:
        now = int(time.time())
        claims = {
            "sub": "user-7",
            "aud": people_widget.site_key,
            "iat": now,
            "exp": now + 300,
            "jti": str(time.perf_counter_ns()),
        }
        return jwt.encode(claims, made.text, algorithm="HS256", headers={"kid": made.secret.kid})

    visitor.visit(shop).open()
    visitor.send("Before I logged in")
    identify(visitor, signed())
    visitor.send("And now you know me")
    conversation = only_conversation()
    assert stored_texts(conversation) == ["Before I logged in", "And now you know me"]
    customer = Customer.objects.get()
    assert (customer.external_id, customer.claimed) == ("user-7", {"name": "Minh"})

    context = chromium.new_context(locale="en-GB")
    other = WidgetPage(context.new_page())
    other.visit(shop)
    identify(other, signed())
    other.open()
    expect(other.own("And now you know me")).to_be_visible()
    other.send("From my phone")
    assert stored_texts(conversation)[-1] == "From my phone"
    assert other.problems == []
    context.close()
