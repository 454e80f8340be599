"""Whatever changes a record raises its version, also a change of what belongs to it."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db.models import DO_NOTHING, SET_DEFAULT, SET_NULL
from django.urls import reverse

from crm.core.permissions import SystemPrincipal
from crm.core.undo.services import undo
from crm.core.versions import VersionedModel, set_null_and_raise_version
from crm.organizations.models import Membership, Organization, Team
from crm.organizations.services.invitations import accept_as_newcomer, invite
from crm.organizations.services.members import (
    deactivate_member,
    leave_organization,
    reactivate_member,
)
from crm.organizations.services.teams import create_team, edit_team
from knowledge.models import Faq, FaqCategory
from knowledge.services import FaqContent, create_category, create_faq, delete_category
from tests.forms.browsers import browser, form_of

ROOT = Path(__file__).resolve().parent.parent.parent


def _unlinking_keys() -> Iterator[Any]:
    for model in apps.get_models():
        if not issubclass(model, VersionedModel):
            continue
        for field in model._meta.concrete_fields:
            if field.is_relation and field.null:
                yield field


def test_every_key_of_a_versioned_record_raises_the_version_when_it_is_emptied() -> None:
    rules = {str(field): field.remote_field.on_delete for field in _unlinking_keys()}
    silent = (SET_NULL, SET_DEFAULT, DO_NOTHING)
    assert {name for name, rule in rules.items() if rule in silent} == set()
    raising = {name for name, rule in rules.items() if rule is set_null_and_raise_version}
    assert {"knowledge.Faq.category", "organizations.Team.lead"} <= raising


@pytest.fixture
def category(organization: Organization) -> FaqCategory:
    return create_category(by=SystemPrincipal(organization.pk), name="Delivery")


def _faq(owner: Membership, category: FaqCategory) -> Faq:
    return create_faq(
        content=FaqContent(question="Q?", answer="A.", language_code="en", category_id=category.pk),
        by=owner,
    )


def test_a_category_that_is_deleted_and_restored_raises_its_faqs_versions(
    owner: Membership, category: FaqCategory
) -> None:
    faq = _faq(owner, category)
    page = f"/app/knowledge/{faq.pk}/edit/"
    client = browser(owner)
    opened = form_of(client.get(page), "question")
    action_id = delete_category(category_id=category.pk, by=owner)
    without = form_of(client.get(page), "question")
    first = Faq.objects.get(pk=faq.pk)
    assert (first.category_id, first.version) == (None, faq.version + 1)
    assert action_id is not None
    undo(by=owner, action_id=action_id)
    second = Faq.objects.get(pk=faq.pk)
    assert (second.category_id, second.version) == (category.pk, faq.version + 2)
    assert second.updated_at > first.updated_at > faq.updated_at
    # Neither page that was open before takes the category away again.
    for form in (opened, without):
        assert client.post(page, form).status_code == 409
    assert Faq.objects.get(pk=faq.pk).category_id == category.pk


def _team_page(team: Team) -> str:
    return reverse("organizations:team", args=[team.pk])


def test_a_team_form_keeps_the_seat_that_an_invitation_gave_meanwhile(
    owner: Membership, agent: Membership, colleague: Membership
) -> None:
    team = create_team(by=owner, name="Night", lead_id=None, member_ids=[agent.pk])
    links: list[str] = []

    def address_of(token: str) -> str:
        links.append(token)
        return token

    invite(
        by=owner,
        email="kim@sunbean.example",
        role="agent",
        address_of=address_of,
        team_id=team.pk,
    )
    client = browser(owner)
    form = form_of(client.get(_team_page(team)), "name")
    kim = accept_as_newcomer(
        token=links[0], name="Kim", password="x" * 20, language_code="en", timezone_name="UTC"
    )
    met = client.post(_team_page(team), form | {"members": [str(colleague.pk)]})
    assert met.status_code == 409
    assert client.post(_team_page(team), form_of(met, "name")).status_code == 302
    # Added and taken away by the form, and added meanwhile.
    assert set(team.members.values_list("pk", flat=True)) == {colleague.pk, kim.pk}


@pytest.mark.parametrize("leave", [deactivate_member, leave_organization])
def test_a_team_form_gives_no_seat_back_to_whoever_left(
    owner: Membership, agent: Membership, colleague: Membership, leave: Any
) -> None:
    team = create_team(
        by=owner, name="Night", lead_id=agent.pk, member_ids=[agent.pk, colleague.pk]
    )
    client = browser(owner)
    form = form_of(client.get(_team_page(team)), "name")
    leave(membership_id=agent.pk, **({"by": owner} if leave is deactivate_member else {}))
    reactivate_member(by=owner, membership_id=agent.pk)
    met = client.post(_team_page(team), form | {"name": "Late"})
    assert met.status_code == 409
    assert client.post(_team_page(team), form_of(met, "name")).status_code == 302
    team.refresh_from_db()
    assert (team.name, team.lead_id, [*team.members.all()]) == ("Late", None, [colleague])


def test_every_edit_of_seats_raises_the_version_of_the_team(
    owner: Membership, agent: Membership
) -> None:
    team = create_team(by=owner, name="Night", lead_id=None, member_ids=[])
    seen = [Team.objects.get(pk=team.pk).version]
    for member_ids in ([agent.pk], [], [agent.pk]):
        edited = edit_team(
            by=owner, team_id=team.pk, name="Night", lead_id=None, member_ids=member_ids
        )
        seen.append(Team.objects.get(pk=team.pk).version)
        assert edited.version == seen[-1]
    assert seen == sorted(set(seen))


def test_seats_are_written_in_one_place() -> None:
    """Elsewhere somebody could forget the version of the team."""
    writers = set()
    for folder in ("crm", "chat", "knowledge"):
        for path in (ROOT / folder).rglob("*.py"):
            names = {
                node.id
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.Name)
            }
            if "TeamMember" in names and "migrations" not in path.parts:
                writers.add(path.relative_to(ROOT).as_posix())
    assert writers == {"crm/organizations/services/teams.py"}
