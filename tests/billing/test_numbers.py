"""What each organization has at most, whatever its plan."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from crm.compliance.models import LegalHold
from crm.compliance.services import legal_holds
from crm.core.undo.services import undo
from crm.organizations.models import ExchangeRate, Membership
from knowledge.errors import TooManyCategories
from knowledge.models import FaqCategory
from knowledge.services import categories, create_category, delete_category
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def rate(number: int) -> dict[str, str]:
    day = timezone.localdate() - timedelta(days=number)
    return {"currency": "EUR", "rate": "2", "valid_from": str(day)}


def test_categories(owner: Membership, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(categories, "MAX_CATEGORIES", 2)
    path, api = "/api/v1/knowledge/categories", Api(owner)
    assert api.post(path, {"name": "Tea"}).status_code == 201
    second = create_category(by=owner, name="Coffee")
    assert code_of(api.post(path, {"name": "Milk"})) == (409, "too_many_faq_categories")
    client.force_login(owner.user)
    page = client.post("/app/knowledge/categories/", {"name": "Milk"})
    assert page.status_code == 409
    assert 'value="Milk"' in page.content.decode()
    action_id = delete_category(by=owner, category_id=second.pk)
    create_category(by=owner, name="Water")
    assert action_id
    with pytest.raises(TooManyCategories):
        undo(by=owner, action_id=action_id)
    assert FaqCategory.objects.count() == 2


def test_legal_holds(owner: Membership, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(legal_holds, "MAX_HOLDS", 1)
    path, api = "/api/v1/legal-holds", Api(owner)
    assert api.post(path, {"reason": "A court asks."}).status_code == 201
    assert code_of(api.post(path, {"reason": "Another one."})) == (409, "too_many_legal_holds")
    # The same again is no other one.
    assert api.post(path, {"reason": "A court asks."}).status_code in {200, 201}
    client.force_login(owner.user)
    page = client.post("/app/settings/legal-holds/", {"reason": "Another one.", "kind": ""})
    assert LegalHold.objects.count() == 1
    assert "Another one." in page.content.decode()


def test_exchange_rates(owner: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ExchangeRate, "max_rows", 2)
    path, api = "/api/v1/exchange-rates", Api(owner)
    first = api.post(path, rate(1))
    assert first.status_code == 201
    assert api.post(path, rate(2)).status_code == 201
    refused = api.post(path, rate(3))
    assert code_of(refused) == (409, "too_many_entries")
    assert refused.json()["limit"] == 2
    assert "2 exchange rates" in refused.json()["detail"]
    deleted = api.post(f"{path}/bulk", {"action": "delete", "ids": [first.json()["id"]]}).json()
    assert api.post(path, rate(3)).status_code == 201
    assert api.post(f"/api/v1/undo/{deleted['undo_id']}").status_code == 409
    assert ExchangeRate.objects.count() == 2
