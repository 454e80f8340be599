"""What an operator, or somebody with an operator's browser, may send to the admin's pages."""

import random
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client, RequestFactory
from django.urls import reverse

from chat.models import Widget
from crm.billing.models import Plan
from crm.core.ids import uuid7
from crm.organizations.models import Organization, User

NO_KEYS = ["x", "\x00", "-1", "[]", "9" * 30, "\ufffd"]


def _widget_form(organization: Organization) -> dict[str, Any]:
    return {
        "organization": organization.pk,
        "name": "Renamed",
        "allowed_domains": "shop.example",
        "color": "#8a4b2a",
        "position": "right",
        "texts": "{}",
        "is_active": "on",
    }


def test_a_widget_stays_in_its_organization(operator: Client, widget: Widget) -> None:
    """Its visitors, their tokens and conversations would stay behind in the other one."""
    other = Organization.objects.create(name="Other", slug="other")
    address = reverse("admin:chat_widget_change", args=[widget.pk])
    answer = operator.post(address, _widget_form(other))
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    stored = Widget.objects.get(pk=widget.pk)
    assert (stored.organization_id, stored.name) == (widget.organization_id, "Renamed")


def test_no_form_of_a_stored_row_offers_another_organization(
    root: User, organization: Organization
) -> None:
    request = RequestFactory().get("/admin/")
    request.user = root
    offering = set()
    for model, its_admin in admin.site._registry.items():
        if not its_admin.has_change_permission(request):
            continue
        field = its_admin.get_form(request, model(), change=True).base_fields.get("organization")
        if field is not None and not field.disabled:
            offering.add(model)
    assert offering == set()


@pytest.mark.parametrize("key", NO_KEYS)
def test_what_is_no_key_is_refused_at_its_field(operator: Client, key: str) -> None:
    for name in (
        "organizations_membership",
        "chat_widget",
        "knowledge_faq",
        "knowledge_faqcategory",
    ):
        answer = operator.post(
            reverse(f"admin:{name}_add"), {"organization": key, "user": key, "category": key}
        )
        assert answer.status_code == 200, name
        assert "organization" in answer.context["adminform"].form.errors, name


@pytest.mark.parametrize("key", NO_KEYS)
def test_an_action_of_a_list_runs_on_no_row_for_what_is_no_key(operator: Client, key: str) -> None:
    group = Group.objects.create(name="Support")
    sent = {"action": "delete_selected", "_selected_action": [key, str(group.pk)], "post": "yes"}
    answer = operator.post(reverse("admin:auth_group_changelist"), sent)
    assert answer.status_code == 302
    assert not Group.objects.exists(), "the row that was named beside it"


@pytest.mark.parametrize("name", ["billing_plan", "chat_widget", "organizations_user"])
def test_an_address_with_a_null_character_leads_nowhere(operator: Client, name: str) -> None:
    for page in ("change", "history"):
        answer = operator.get(reverse(f"admin:{name}_{page}", args=["x"]).replace("/x/", "/%00/"))
        assert answer.status_code in {302, 404}


def test_a_search_for_a_null_character_finds_what_an_empty_one_finds(
    operator: Client, root: User, organization: Organization
) -> None:
    asked = {"app_label": "organizations", "model_name": "membership", "field_name": "user"}
    found = operator.get(reverse("admin:autocomplete"), asked | {"term": "\x00"})
    assert [each["id"] for each in found.json()["results"]] == [str(root.pk)]
    shown = operator.get(reverse("admin:knowledge_faqcategory_changelist"), {"q": "\x00"})
    assert shown.status_code in {200, 302}


def test_no_filter_of_a_list_takes_a_null_character_to_the_store(operator: Client) -> None:
    """Each filter under one of its two names in a run; the run's seed says which."""
    for model, its_admin in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        filters = [each for each in its_admin.list_filter if isinstance(each, str)]
        named = [random.choice((each, f"{each}__exact")) for each in filters]  # noqa: S311
        for parameter in ["q", "o", "e", *named]:
            answer = operator.get(reverse(f"{name}_changelist"), {parameter: "a\x00b"})
            assert answer.status_code in {200, 302, 400}, (name, parameter)


@pytest.mark.parametrize("model", ["chat_widget", "billing_plan", "organizations_user"])
def test_an_empty_to_field_names_no_field(operator: Client, model: str) -> None:
    page = reverse(f"admin:{model}_change", args=[uuid7()])
    assert operator.get(page, {"_to_field": ""})["Location"] == reverse("admin:index")


@pytest.mark.parametrize(
    ("model", "given"),
    [
        ("organizations_membership", {"user": "x", "organization": "x"}),
        ("knowledge_faq", {"phrasings": "x"}),
        ("chat_widget", {"allowed_domains": "", "texts": "x"}),
        ("billing_plan", {"features": "\x00", "limits": "x"}),
        ("django_celery_beat_periodictask", {"start_time": "x", "expires": "2026-01-01"}),
    ],
)
def test_a_form_leaves_out_what_its_fields_cannot_take(
    operator: Client, model: str, given: dict[str, str]
) -> None:
    assert operator.get(reverse(f"admin:{model}_add"), given).status_code == 200


@pytest.mark.parametrize("page", ["²", "٣", "9" * 20, "9" * 5_000, "-1", "x"])
def test_what_is_no_page_of_the_members_shows_the_first(
    operator: Client, organization: Organization, page: str
) -> None:
    address = reverse("admin:organizations_organization_change", args=[organization.pk])
    assert operator.get(address, {"memberships-page": page}).status_code == 200


def test_no_form_of_a_row_reads_a_hidden_value_beside_its_fields(
    operator: Client, widget: Widget
) -> None:
    """Whatever stood there was read without a check: a number of 5000 digits ended in an error."""
    form = _widget_form(widget.organization) | {"initial-texts": "9" * 5_000}
    address = reverse("admin:chat_widget_change", args=[widget.pk])
    assert b'name="initial-' not in operator.get(address).content
    assert operator.post(address, form).status_code == 302


def test_a_list_neither_offers_nor_makes_counts_of_all_its_rows(operator: Client) -> None:
    Plan.objects.create(key="early bird", features=[], limits={})
    address = reverse("admin:billing_subscription_changelist")
    shown = operator.get(address)
    assert b"_facets" not in shown.content
    assert operator.get(address, {"_facets": "True"}).status_code == 200
