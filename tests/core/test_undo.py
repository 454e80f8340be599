"""Deleting anything offers undo, or says why it cannot."""

import re
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from crm.authentication.services.access import deactivate_user, reactivate_user
from crm.authentication.services.api_keys import create_api_key
from crm.core.models import UndoableAction
from crm.core.undo.services import purge_undoable, undo, undoable_kinds
from crm.organizations.errors import MemberNotFound, TooManyInvitations, TooManyRoles, TooManyTeams
from crm.organizations.models import CustomRole, Invitation, Membership, Team, User
from crm.organizations.services import invitations, roles, teams
from crm.organizations.services.invitations import invite
from crm.organizations.services.members import deactivate_member
from crm.organizations.services.roles import create_role
from crm.organizations.services.teams import create_team
from knowledge.errors import FaqNotFound
from knowledge.models import Faq, FaqCategory
from knowledge.services import (
    FaqContent,
    create_category,
    create_faq,
    delete_faq,
    delete_faq_undoably,
    restore_faq,
)
from tests.forms.browsers import form_of

# What a page's address says when it takes something away.
TAKES_AWAY = re.compile(
    r"delet|remov|revoke|\bend\b|leave|lift|cancel|deactivat|discard|disconnect|dismiss|pause|settle"
)
UNDO = {
    "knowledge:delete_category": "faq_category",
    "organizations:delete_team": "team",
    "organizations:delete_role": "role",
    "organizations:revoke_invitation": "invitation",
    "companies:delete_view": "saved_view",
    "deals:delete_pipeline": "stages",
    "deals:delete_stage": "stages",
    "deals:delete_view": "saved_view",
    "deals:lost_reasons:delete_view": "saved_view",
    "organizations:exchange_rates:delete_view": "saved_view",
    "customers:delete_view": "saved_view",
    "knowledge:delete_view": "saved_view",
    "umbrellas:delete_view": "saved_view",
    "companies:delete_note": "note",
    "deals:delete_note": "note",
    "organizations:exchange_rates:delete_note": "note",
    "customers:delete_note": "note",
    "umbrellas:delete_note": "note",
}
# Taken back on the same page, by the view that is named.
REVERSED_BY = {
    "organizations:deactivate_member": "organizations:reactivate_member",
    "chat:settle_question": "chat:unsettle_question",
    "chat:pause_widget": "chat:resume_widget",
    "chat:dismiss_start": "chat:start",
}
# Asked once more by `core/_confirm.html`, which says that it cannot be undone.
CONFIRMED = {
    "authentication:end_api_key": "a revoked key opens nothing any more",
    "authentication:end_api_secret": "the same of one of its secrets",
    "organizations:leave": "whoever left has no right to come back by themselves",
    "chat:end_identity_secret": "what was signed with it is refused for good",
}
REASONS = {
    "knowledge:deleted_faqs": "lists what can be restored",
    "authentication:end_session": "one logs in again",
    "authentication:end_all_others": "one logs in again",
    "authentication:end_family": "the program logs in again",
    "compliance:lift_hold": "takes a written reason; a new hold is placed instead",
    "jobs:cancel": "it is started again",
    "transfer:discard": "the file is uploaded again",
    "billing:cancel": "a page of its own asks, and the plan runs on to the end of its period",
    "mfa_deactivate_totp": "a page of its own asks; the app is set up again",
    "mfa_remove_webauthn": "a page of its own asks; the passkey is added again",
    "socialaccount_login_cancelled": "takes nothing away: the answer to a log-in not finished",
}


def pages(patterns: Any = None, space: str = "", route: str = "") -> Iterator[tuple[str, str]]:
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = route + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from pages(pattern.url_patterns, inner, path)
        elif isinstance(pattern, URLPattern):
            yield f"{space}{pattern.name}", path


def test_every_page_that_takes_something_away_is_listed_with_its_undo_or_reason() -> None:
    taking = {
        name
        for name, path in pages()
        if TAKES_AWAY.search(path.replace("_", " "))
        and not path.startswith(("api/", "admin/"))
        and not name.endswith("unsettle_question")
    }
    listed = UNDO.keys() | REVERSED_BY.keys() | CONFIRMED.keys() | REASONS.keys()
    assert taking == listed
    # What is done to many rows of a list is undone by the handlers of its rows (tests/records).
    assert {*UNDO.values(), "bulk", "company", "faq", "move", "row"} == undoable_kinds()
    for name in REVERSED_BY.values():
        assert name in {each for each, _path in pages()}


@pytest.fixture
def as_owner(client: Client, owner: Membership) -> Client:
    client.force_login(owner.user)
    return client


def version_sent() -> dict[str, int]:
    """Return what the form of the only team sends."""
    return {"_version": Team.objects.get().version}


def delete_and_undo(client: Client, url: str, *, between: Any = None, sent: Any = None) -> str:
    """Delete a row by its page, press Undo in what it answers, and give what is said then."""
    shown = client.post(url, {"_version": 1} | (sent or {}), follow=True).content.decode()
    found = re.search(r'action="(/app/undo/[^"]+)"', shown)
    assert found, "no undo was offered"
    if between:
        between()
    return client.post(found[1], {"back": "/app/settings/"}, follow=True).content.decode()


def test_a_deleted_team_comes_back_with_its_people_and_lead(
    as_owner: Client, owner: Membership, agent: Membership, colleague: Membership
) -> None:
    team = create_team(by=owner, name="Night", lead_id=agent.pk, member_ids=[colleague.pk])
    waiting = invite(
        by=owner, email="kim@sunbean.example", role="agent", address_of=str, team_id=team.pk
    )
    url = reverse("organizations:delete_team", args=[team.pk])
    said = delete_and_undo(as_owner, url, sent=version_sent())
    assert "It is back." in said
    again = Team.objects.get(pk=team.pk)
    assert (again.name, again.lead_id) == ("Night", agent.pk)
    assert set(again.members.values_list("pk", flat=True)) == {agent.pk, colleague.pk}
    waiting.refresh_from_db()
    assert waiting.team_id == team.pk


def test_a_deleted_team_comes_back_without_whom_was_deactivated(
    as_owner: Client, owner: Membership, agent: Membership, colleague: Membership
) -> None:
    team = create_team(by=owner, name="Night", lead_id=agent.pk, member_ids=[colleague.pk])

    def deactivate() -> None:
        deactivate_member(by=owner, membership_id=agent.pk)

    url = reverse("organizations:delete_team", args=[team.pk])
    assert "It is back." in delete_and_undo(as_owner, url, between=deactivate, sent=version_sent())
    again = Team.objects.get(pk=team.pk)
    assert (again.lead_id, [*again.members.all()]) == (None, [colleague])


def test_whose_account_is_switched_off_stays_in_teams_and_is_marked(
    as_owner: Client, owner: Membership, agent: Membership, colleague: Membership
) -> None:
    """The operator's switch is about the account; the organization has not let them go."""
    team = create_team(by=owner, name="Night", lead_id=agent.pk, member_ids=[colleague.pk])
    root = User.objects.create_superuser("root@nextflow.example", "x", name="Rita")

    def switch_off() -> None:
        deactivate_user(user_id=agent.user_id, by=root)

    url = reverse("organizations:delete_team", args=[team.pk])
    assert "It is back." in delete_and_undo(as_owner, url, between=switch_off, sent=version_sent())
    team_url = reverse("organizations:team", args=[team.pk])
    shown = as_owner.get(team_url)
    form = form_of(shown, "name")
    assert (form["lead"], set(form["members"])) == (
        [str(agent.pk)],
        {str(agent.pk), str(colleague.pk)},
    )
    assert shown.content.decode().count(f"{agent.user.name} (account switched off)") == 2
    assert as_owner.post(team_url, form | {"name": "Late"}).status_code == 302
    again = Team.objects.get(pk=team.pk)
    assert (again.lead_id, again.seats.count()) == (agent.pk, 2)
    members = as_owner.get(reverse("organizations:members")).content.decode()
    assert members.count("account switched off") == 1
    roles = as_owner.get(reverse("organizations:roles")).context["built_in"]
    assert {each["key"]: each["count"] for each in roles}["agent"] == 2
    # For nothing new are they offered.
    assert str(agent.pk) not in as_owner.get(reverse("organizations:new_team")).content.decode()
    with pytest.raises(MemberNotFound):
        create_team(by=owner, name="Day", lead_id=None, member_ids=[agent.pk])
    reactivate_user(user_id=agent.user_id)
    assert "account switched off" not in as_owner.get(team_url).content.decode()


def test_a_deleted_role_comes_back_with_its_rights_and_invitations(
    as_owner: Client, owner: Membership
) -> None:
    role = create_role(by=owner, name="Night shift", copied_from="agent")
    waiting = invite(by=owner, email="kim@sunbean.example", role=str(role.pk), address_of=str)
    before = role.grants
    assert "It is back." in delete_and_undo(
        as_owner, reverse("organizations:delete_role", args=[role.pk])
    )
    assert CustomRole.objects.get(pk=role.pk).grants == before
    assert Invitation.objects.get(pk=waiting.pk).custom_role_id == role.pk


def test_a_deleted_category_comes_back_around_its_faqs(as_owner: Client, owner: Membership) -> None:
    ids: dict[str, Any] = {"by": owner}
    category = create_category(**ids, name="Delivery", names={"vi": "Giao hàng"}, position=3)
    other = create_category(**ids, name="Gifts")
    faqs = [
        create_faq(
            **ids,
            content=FaqContent(
                question=f"Q{n}?", answer="A.", language_code="en", category_id=category.pk
            ),
        )
        for n in range(2)
    ]

    def put_elsewhere() -> None:
        Faq.objects.filter(pk=faqs[1].pk).update(category=other)

    url = reverse("knowledge:delete_category", args=[category.pk])
    assert "It is back." in delete_and_undo(as_owner, url, between=put_elsewhere)
    again = FaqCategory.objects.get(pk=category.pk)
    assert (again.name, again.names, again.position) == ("Delivery", {"vi": "Giao hàng"}, 3)
    assert [Faq.objects.get(pk=faq.pk).category_id for faq in faqs] == [category.pk, other.pk]


def test_a_deleted_faq_and_a_revoked_invitation_come_back(
    as_owner: Client, owner: Membership
) -> None:
    faq = create_faq(
        content=FaqContent(question="Q?", answer="A.", language_code="en"),
        by=owner,
    )
    sent = {"action": "delete", "rows": f"{faq.pk}:{faq.version}"}
    told = delete_and_undo(as_owner, reverse("knowledge:run_bulk"), sent=sent)
    assert "1 entry restored." in told
    assert Faq.objects.alive().filter(pk=faq.pk).exists()
    # A colleague brought it back and deleted it again: an older offer does not undo that.
    _faq, older = delete_faq_undoably(by=owner, faq_id=faq.pk)
    restore_faq(by=owner, faq_id=faq.pk)
    delete_faq(by=owner, faq_id=faq.pk)
    assert older
    with pytest.raises(FaqNotFound):
        undo(by=owner, action_id=older)
    waiting = invite(by=owner, email="kim@sunbean.example", role="agent", address_of=str)
    assert "It is back." in delete_and_undo(
        as_owner, reverse("organizations:revoke_invitation", args=[waiting.pk])
    )
    waiting.refresh_from_db()
    assert waiting.revoked_at is None


@pytest.mark.parametrize("since", ["joined", "invited anew"])
def test_an_invitation_does_not_come_back_beside_a_member_or_a_newer_one(
    as_owner: Client, owner: Membership, agent: Membership, since: str
) -> None:
    address = "kim@sunbean.example"
    first = invite(by=owner, email=address, role="supervisor", address_of=str)

    def meanwhile() -> None:
        if since == "joined":
            User.objects.filter(pk=agent.user_id).update(email=address)
        else:
            invite(by=owner, email=address, role="viewer", address_of=str)

    url = reverse("organizations:revoke_invitation", args=[first.pk])
    said = delete_and_undo(as_owner, url, between=meanwhile)
    assert "It is back." not in said
    first.refresh_from_db()
    assert first.revoked_at is not None


def test_undo_says_when_something_has_taken_the_place(as_owner: Client, owner: Membership) -> None:
    team = create_team(by=owner, name="Night", lead_id=None, member_ids=[])

    def take_the_name() -> None:
        create_team(by=owner, name="Night", lead_id=None, member_ids=[])

    url = reverse("organizations:delete_team", args=[team.pk])
    said = delete_and_undo(as_owner, url, between=take_the_name)
    assert "something else has its name" in said
    assert Team.objects.count() == 1


def test_undo_knows_equal_names_as_those_who_give_them_do(
    as_owner: Client, owner: Membership
) -> None:
    """Width and invisible letters do not count; the constraints of the store know less."""
    team = create_team(by=owner, name="Night", lead_id=None, member_ids=[])
    role = create_role(by=owner, name="Night", copied_from="agent")
    ids: dict[str, Any] = {"by": owner}
    category = create_category(**ids, name="Night")
    again = "ｎｉｇｈｔ"
    for view, record, take in (
        (
            "organizations:delete_team",
            team,
            partial(create_team, by=owner, lead_id=None, member_ids=[]),
        ),
        ("organizations:delete_role", role, partial(create_role, by=owner, copied_from="agent")),
        ("knowledge:delete_category", category, partial(create_category, **ids)),
    ):
        said = delete_and_undo(
            as_owner, reverse(view, args=[record.pk]), between=partial(take, name=again)
        )
        assert "something else has its name" in said, view
        assert list(type(record)._default_manager.values_list("name", flat=True)) == [again]


def test_undo_says_when_what_it_belonged_to_is_gone(
    as_owner: Client, owner: Membership, agent: Membership
) -> None:
    team = create_team(by=owner, name="Night", lead_id=None, member_ids=[agent.pk])
    url = reverse("organizations:delete_team", args=[team.pk])
    assert "cannot be undone" in delete_and_undo(
        as_owner, url, between=agent.delete, sent=version_sent()
    )
    assert not Team.objects.exists()
    assert UndoableAction.objects.get().undone_at is None


def test_undo_is_for_who_deleted_and_for_an_hour(
    as_owner: Client, owner: Membership, stranger: Membership, supervisor_client: Client
) -> None:
    team = create_team(by=owner, name="Night", lead_id=None, member_ids=[])
    as_owner.post(reverse("organizations:delete_team", args=[team.pk]), {"_version": team.version})
    url = reverse("core:undo", args=[UndoableAction.objects.get().pk])
    theirs = Client()
    theirs.force_login(stranger.user)
    for other in (theirs, supervisor_client):
        assert (
            "can no longer be undone"
            in other.post(url, {"back": "/app/settings/"}, follow=True).content.decode()
        )
    UndoableAction.objects.update(created_at=timezone.now() - timedelta(minutes=61))
    assert (
        "can no longer be undone"
        in as_owner.post(url, {"back": "/app/settings/"}, follow=True).content.decode()
    )
    assert not Team.objects.exists()
    UndoableAction.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert purge_undoable() == 1


def test_undo_twice_is_once_and_leads_nowhere_else(as_owner: Client, owner: Membership) -> None:
    team = create_team(by=owner, name="Night", lead_id=None, member_ids=[])
    as_owner.post(reverse("organizations:delete_team", args=[team.pk]), {"_version": team.version})
    url = reverse("core:undo", args=[UndoableAction.objects.get().pk])
    for back in ("https://evil.example/", "//evil.example", ""):
        assert as_owner.post(url, {"back": back})["Location"] == reverse("chat:inbox")
    assert Team.objects.count() == 1


@pytest.fixture
def supervisor_client(colleague: Membership) -> Client:
    client = Client()
    client.force_login(colleague.user)
    return client


@pytest.mark.parametrize(
    "name", ["authentication:api_keys_page", "organizations:organization", "chat:visitor_identity"]
)
def test_what_cannot_be_undone_is_asked_once_more(
    as_owner: Client, owner: Membership, widget: Any, name: str
) -> None:
    create_api_key(by=owner, name="Shop", scopes=["inbox:read"], expires_at=None)
    as_owner.post(reverse("chat:add_identity_secret", args=[widget.pk]))
    body = as_owner.get(reverse(name)).content.decode()
    assert '<details class="confirm">' in body
    assert "undo" in body


def test_undo_brings_back_no_more_than_an_organization_may_have(
    owner: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was made meanwhile took the place of what was deleted."""
    monkeypatch.setattr(roles, "MAX_ROLES", 1)
    monkeypatch.setattr(teams, "MAX_TEAMS", 1)
    monkeypatch.setattr(invitations, "MAX_OPEN", 1)

    def role(name: str) -> UUID:
        return create_role(by=owner, name=name, copied_from="viewer").pk

    def team(name: str) -> UUID:
        return create_team(by=owner, name=name, lead_id=None, member_ids=[]).pk

    def invitation(name: str) -> UUID:
        return invite(by=owner, email=f"{name}@shop.example", role="agent", address_of=str).pk

    actions = [
        (TooManyRoles, roles.delete_role(by=owner, role_id=role("first"))),
        (TooManyTeams, teams.delete_team(by=owner, team_id=team("first"))),
        (
            TooManyInvitations,
            invitations.revoke_invitation(by=owner, invitation_id=invitation("first")),
        ),
    ]
    role("second"), team("second"), invitation("second")
    for refusal, action_id in actions:
        assert action_id is not None
        with pytest.raises(refusal):
            undo(by=owner, action_id=action_id)
    assert CustomRole.objects.count() == Team.objects.count() == 1
    assert Invitation.objects.open().count() == 1
