"""Programs that call the API as people of the small world."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from crm.customers.models import Customer
from crm.organizations.models import Membership, Organization


class Api:
    """A client that speaks JSON, as one member."""

    def __init__(self, membership: Membership) -> None:
        self.client = Client()
        self.client.force_login(membership.user)

    def get(self, path: str, query: Any = None, **headers: str) -> Any:
        return self.client.get(path, query or {}, headers=headers)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return self.client.generic(
            method,
            path,
            "" if body is None else json.dumps(body),
            content_type="application/json",
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self.send("DELETE", path, None, **headers)


@pytest.fixture
def api(owner: Membership) -> Api:
    return Api(owner)


@pytest.fixture
def make_customers(organization: Organization) -> Callable[[int], list[Customer]]:
    def make(number: int) -> list[Customer]:
        return [
            Customer.objects.create(
                organization=organization, name=f"Customer {n}", email=f"c{n}@example.com"
            )
            for n in range(number)
        ]

    return make
