"""What each role and area opens, and who changes FAQs."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from crm.core.errors import AppError
from crm.core.permissions import READ, WRITE, Action, Grant, Level, Module, Rights, can_access
from crm.core.permissions.errors import Forbidden
from crm.organizations.builtin_roles import BUILT_IN
from crm.organizations.models import Membership, Organization, Role
from knowledge.errors import FaqNotFound
from knowledge.models import Faq
from knowledge.services import (
    FaqContent,
    create_category,
    delete_category,
    delete_faq,
    rename_category,
    restore_faq,
    set_published,
    update_faq,
)
from tests.conftest import make_member
from tests.organizations.people import give, member_with, pairs, present, rights

OWNERS = ("me", "mate", "other", None)
ENTRANCES: list[tuple[Module, Action, str, str, dict[str, str]]] = [
    (Module.INBOX, READ, "get", "chat:inbox_conversations", {}),
    (Module.INBOX, READ, "get", "chat:inbox_counts", {}),
    (Module.INBOX, READ, "get", "chat:inbox_agents", {}),
    (Module.KNOWLEDGE, READ, "get", "knowledge:list", {}),
    (Module.KNOWLEDGE, READ, "get", "knowledge:categories", {}),
    (Module.KNOWLEDGE, READ, "get", "knowledge:api_faqs", {}),
    (Module.KNOWLEDGE, WRITE, "get", "knowledge:new", {}),
    (Module.KNOWLEDGE, WRITE, "post", "knowledge:categories", {"name": ""}),
    (Module.KNOWLEDGE, WRITE, "post", "knowledge:api_faqs", {}),
    (Module.CUSTOMERS, READ, "get", "customers:customers", {}),
    (Module.CUSTOMERS, WRITE, "post", "customers:customers", {"stage": "x"}),
    (Module.SETTINGS, READ, "get", "organizations:roles", {}),
    (Module.SETTINGS, READ, "get", "organizations:teams", {}),
    (Module.SETTINGS, WRITE, "get", "organizations:new_team", {}),
    (Module.SETTINGS, WRITE, "post", "organizations:roles", {"name": ""}),
    (Module.SETTINGS, WRITE, "post", "organizations:organization", {"name": ""}),
]


@pytest.mark.parametrize("role", list(BUILT_IN))
def test_every_role_enters_where_the_table_lets_it(
    client: Client, organization: Organization, role: str
) -> None:
    client.force_login(make_member(organization, "Pat", Role(role)).user)
    for area, action, method, name, data in ENTRANCES:
        status = getattr(client, method)(reverse(name), data).status_code
        may = BUILT_IN[role].level(area, action) > Level.NONE
        assert (status != 403) is may, (name, method, status)
        assert status < 500


@pytest.mark.parametrize("area", list(Module))
def test_right_to_one_area_opens_no_other(
    client: Client, organization: Organization, area: Module
) -> None:
    only = Rights({area: Grant(Level.ALL, Level.ALL)})
    client.force_login(member_with(organization, "Pat", only).user)
    for entrance, _action, method, name, data in ENTRANCES:
        status = getattr(client, method)(reverse(name), data).status_code
        assert (status != 403) is (entrance == area), (name, method, status)


@pytest.mark.parametrize(
    ("areas", "status"),
    [
        ({Module.KNOWLEDGE}, 403),
        ({Module.INBOX}, 403),
        ({Module.KNOWLEDGE, Module.INBOX}, 200),
    ],
)
def test_what_visitors_asked_takes_the_inbox_and_knowledge(
    client: Client, organization: Organization, areas: set[Module], status: int
) -> None:
    both = Rights({area: Grant(Level.ALL, Level.ALL) for area in areas})
    client.force_login(member_with(organization, "Pat", both).user)
    assert client.get(reverse("chat:unanswered")).status_code == status


def test_menu_offers_what_the_role_opens(client: Client, organization: Organization) -> None:
    reads = rights(Module.KNOWLEDGE, Level.ALL)
    client.force_login(member_with(organization, "Pat", reads).user)
    assert client.get(reverse("chat:inbox"))["Location"] == reverse("knowledge:list")
    page = client.get(reverse("knowledge:list")).content.decode()
    assert f'class="sidebar-item" href="{reverse("knowledge:list")}"' in page
    assert f'class="sidebar-item" href="{reverse("chat:inbox")}"' not in page
    assert reverse("knowledge:new") not in page


@pytest.mark.parametrize(("read", "write"), pairs(Module.KNOWLEDGE))
def test_faqs_are_changed_as_far_as_the_level_reaches(
    client: Client, people: dict[str, Membership], read: Level, write: Level
) -> None:
    me = present(give(people["me"], rights(Module.KNOWLEDGE, read, write)))
    client.force_login(me.user)
    for name in OWNERS:
        by = people[name].user if name else None
        faq = Faq.objects.create(
            organization_id=me.organization_id,
            key=f"of-{name}",
            question="Old?",
            answer="!",
            language_code="en",
            created_by=by,
        )
        named: dict[str, Any] = {"by": me, "faq_id": faq.pk}
        owner_ids = (by.pk,) if by else ()
        content = FaqContent(question="New?", answer="!", language_code="en", key=faq.key)
        page = client.get(reverse("knowledge:page", args=[faq.pk]))
        is_seen = can_access(me, Module.KNOWLEDGE, READ, owner_ids)
        may_change = can_access(me, Module.KNOWLEDGE, WRITE, owner_ids)
        assert (page.status_code == 200) is is_seen
        if may_change:
            assert page.context["may_change"] is True
            assert update_faq(**named, content=content).question == "New?"
            continue
        if is_seen:
            assert page.context["may_change"] is False
        for attempt in (
            lambda named=named, content=content: update_faq(**named, content=content),
            lambda named=named: set_published(**named, is_published=False),
            lambda named=named: delete_faq(**named),
            lambda named=named: restore_faq(**named),
        ):
            with pytest.raises(AppError) as refused:
                attempt()
            assert refused.value.status == (403 if is_seen else 404)
            assert isinstance(refused.value, FaqNotFound) is not is_seen
        status = client.post(reverse("knowledge:restore_faq", args=[faq.pk])).status_code
        assert status in {403, 404}
        for action in ("hide", "delete"):
            sent = {"action": action, "rows": f"{faq.pk}:{faq.version}"}
            client.post(reverse("knowledge:run_bulk"), sent)
        stored = Faq.objects.get(pk=faq.pk)
        assert (stored.question, stored.is_published, stored.deleted_at) == ("Old?", True, None)


def test_category_is_renamed_and_deleted_by_who_may_change_every_faq(
    organization: Organization, owner: Membership
) -> None:
    own = member_with(organization, "Pat", rights(Module.KNOWLEDGE, Level.OWN, Level.OWN))
    category = create_category(by=own, name="Gifts")
    for by in (own, owner):
        attempts: list[Callable[[], Any]] = [
            partial(rename_category, by=by, category_id=category.pk, name="Sweets"),
            partial(create_category, by=by, name="Sugar", slug=category.slug),
            partial(delete_category, by=by, category_id=category.pk),
        ]
        for attempt in attempts:
            if by is own:
                with pytest.raises(Forbidden):
                    attempt()
            else:
                attempt()
