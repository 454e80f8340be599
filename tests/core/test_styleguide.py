"""The page of components: there in development, complete, and nowhere else."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from crm.organizations.models import Membership

PAGE = reverse("core:styleguide")


@pytest.fixture
def browser(client: Client, owner: Membership) -> Client:
    client.force_login(owner.user)
    return client


def test_page_is_for_development(browser: Client, settings: Any) -> None:
    assert browser.get(PAGE).status_code == 404
    settings.ENVIRONMENT = "development"
    page = browser.get(PAGE)
    assert page.status_code == 200
    assert len(page.context["icons"]) > 50
    assert {"accent", "ink", "panel", "bad-soft"} <= set(page.context["colors"])
    assert page.context["refused"].errors.keys() == {"name", "email", "language"}
