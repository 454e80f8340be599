"""How the fields of forms look: WCAG 2.2, 1.4.11: one sees where one may write."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from crm.core.colors import contrast
from crm.core.records import get_record
from crm.customers.models import Customer
from crm.organizations.models import Membership, User
from tests.conftest import PASSWORD

CONTROL_CONTRAST = 3
STYLES = (Path(settings.BASE_DIR) / "static" / "app" / "app.css").read_text()
THEMES = {"light": ":root", "dark": '[data-bs-theme="dark"]'}


def tokens(theme: str) -> dict[str, str]:
    """Return the colours that a theme sets, by the name of their token."""
    block = STYLES.partition(f"{THEMES[theme]} {{")[2].partition("}")[0]
    return dict(re.findall(r"--nf-([\w-]+): (#[0-9a-f]{6});", block))


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", ["panel", "panel-2", "canvas"])
def test_border_of_a_field_can_be_seen(theme: str, ground: str) -> None:
    colors = tokens(theme)
    assert contrast(colors["control-line"], colors[ground]) >= CONTROL_CONTRAST


@pytest.mark.parametrize("control", [".form-control", ".form-select", ".form-check-input"])
def test_every_kind_of_field_has_that_border(control: str) -> None:
    rule = re.search(r"([^{}]*)\{\s*border-color: var\(--nf-control-line\);\s*\}", STYLES)
    assert rule is not None
    assert control in [each.strip() for each in rule[1].split(",")]


def test_no_browser_rewrites_an_address(owner: Membership) -> None:
    """Chromium turns `kim@faß.example` in a field of the type email into `kim@fass.example`."""
    member, operator = Client(), Client()
    member.force_login(owner.user)
    root = User.objects.create_superuser("root@faß.example", PASSWORD, name="Root")
    operator.force_login(root)
    customer = Customer.objects.create(organization=owner.organization, email="kim@faß.example")
    pages = [
        (Client(), reverse("authentication:log_in")),
        (Client(), reverse("account_signup")),
        (Client(), reverse("account_reset_password")),
        (member, reverse("account_email")),
        (member, reverse("organizations:members")),
        (member, get_record("customers").new_url),
        (member, get_record("customers").edit_url_of(customer)),
        (operator, reverse("admin:organizations_user_add")),
        (operator, reverse("admin:customers_customer_change", args=[customer.pk])),
    ]
    for browser, address in pages:
        text = browser.get(address).content.decode()
        fields = [each for each in re.findall(r"<input[^>]*>", text) if 'name="email"' in each]
        assert len(fields) == 1, address
        (field,) = fields
        assert 'type="text" name="email"' in field, address
        assert 'inputmode="email" autocapitalize="none" spellcheck="false"' in field, address
    for template in (Path(settings.BASE_DIR) / "templates").rglob("*.html"):
        assert 'type="email"' not in template.read_text(), template
