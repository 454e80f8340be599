"""Nobody gives more than they have: whatever issues a credential compares it with its maker."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from chat.models import IdentitySecret, Widget
from chat.services.identity_secrets import add_identity_secret
from crm.authentication.services.api_keys import create_api_key, rotate_api_key
from crm.core.errors import Forbidden
from crm.core.permissions import ApiKeyPrincipal, Grant, Level, Module, Rights, rights_of_scopes
from crm.core.permissions.errors import GrantsTooMuch, PersonRequired
from crm.core.undo.services import undo
from crm.organizations.errors import InvitationNotFound
from crm.organizations.models import CustomRole, Membership, Organization, Role
from crm.organizations.services.invitations import accept_invitation, invite, resend_invitation
from crm.organizations.services.members import deactivate_member, reactivate_member
from crm.organizations.services.roles import change_role, create_role, edit_role
from crm.organizations.services.teams import create_team, delete_team
from tests.conftest import make_member
from tests.organizations.people import give, make_team, member_with

pytestmark = pytest.mark.django_db

SECURITY = Path(__file__).resolve().parents[2] / "docs" / "security.md"
SETTINGS = Rights({Module.SETTINGS: Grant(Level.ALL, Level.ALL)})
OF_A_TEAM = Rights(
    {area: Grant(Level.TEAM, Level.TEAM) for area in (Module.INBOX, Module.CUSTOMERS)}
)
# What is given in each case: these rights, and those of settings to be allowed to give at all.
GIVEN = rights_of_scopes(["settings:write", "inbox:write", "customers:write"])
BESIDE = [
    (area, action) for area in (Module.INBOX, Module.CUSTOMERS) for action in ("read", "write")
]


@dataclass(frozen=True)
class World:
    owner: Membership
    widget: Widget
    role: CustomRole
    member: Membership

    @property
    def organization_id(self) -> UUID:
        return self.owner.organization_id


def address_of(token: str) -> str:
    return f"https://nextflow.example/{token}"


@pytest.fixture
def world(owner: Membership, widget: Widget, organization: Organization) -> World:
    role = CustomRole.objects.create(
        organization=organization, name="Given", base=Role.VIEWER, grants=GIVEN.stored()
    )
    member = make_member(organization, "Given", Role.VIEWER)
    member.custom_role = role
    member.save(update_fields=["custom_role"])
    return World(owner, widget, role, member)


def secret(world: World, by: Any) -> object:
    return add_identity_secret(by=by, widget_id=world.widget.pk)


def key(world: World, by: Any) -> object:
    scopes = ["inbox:write", "customers:write"]
    return create_api_key(by=by, name="k", scopes=scopes, expires_at=None)


def key_rotated(world: World, by: Any) -> object:
    made = create_api_key(
        by=world.owner, name="k", scopes=["inbox:write", "customers:write"], expires_at=None
    )
    return rotate_api_key(by=by, key_id=made.key.pk)


def invitation(world: World, by: Any) -> object:
    return invite(by=by, email="new@shop.example", role=str(world.role.pk), address_of=address_of)


def invitation_again(world: World, by: Any) -> object:
    sent = invite(
        by=world.owner, email="new@shop.example", role=str(world.role.pk), address_of=address_of
    )
    return resend_invitation(by=by, invitation_id=sent.pk, address_of=address_of)


def role_copied(world: World, by: Any) -> object:
    return create_role(by=by, name="Copied", copied_from=str(world.role.pk))


def role_edited(world: World, by: Any) -> object:
    empty = CustomRole.objects.create(
        organization_id=world.organization_id, name="Empty", base=Role.VIEWER, grants={}
    )
    return edit_role(by=by, role_id=empty.pk, version=None, name="Full", rights=GIVEN)


def role_given(world: World, by: Any) -> object:
    other = give(make_member(world.owner.organization, "Other", Role.VIEWER), Rights())
    return change_role(by=by, membership_id=other.pk, key=str(world.role.pk))


def member_taken_back(world: World, by: Any) -> object:
    deactivate_member(by=world.owner, membership_id=world.member.pk)
    return reactivate_member(by=by, membership_id=world.member.pk)


def seat_in_team(world: World, by: Any) -> object:
    member = member_with(world.owner.organization, "Teammate", OF_A_TEAM)
    return create_team(by=by, name="Team", lead_id=None, member_ids=[member.pk])


def role_given_to_a_seated(world: World, by: Any) -> object:
    """Their team was harmless for as long as they saw nothing of it."""
    member = seated(world)
    reach = role_of_team(world)
    return change_role(by=by, membership_id=member.pk, key=str(reach.pk))


def role_edited_of_a_seated(world: World, by: Any) -> object:
    member = seated(world)
    assert member.custom_role is not None
    return edit_role(
        by=by, role_id=member.custom_role.pk, version=None, name="Wider", rights=OF_A_TEAM
    )


def team_taken_back(world: World, by: Any) -> object:
    member = member_with(world.owner.organization, "Teammate", OF_A_TEAM)
    team = make_team("Back", member)
    action_id = delete_team(by=by, team_id=team.pk)
    assert action_id is not None
    return undo(by=by, action_id=action_id)


def seated(world: World) -> Membership:
    member = member_with(world.owner.organization, "Seated", Rights())
    make_team("Seats", member, world.member)
    return member


def role_of_team(world: World) -> CustomRole:
    return CustomRole.objects.create(
        organization_id=world.organization_id,
        name="Of a team",
        base=Role.VIEWER,
        grants=OF_A_TEAM.stored(),
    )


# What is issued, by the name under which docs/security.md lists it.
MAKERS: dict[str, tuple[Callable[[World, Any], object], ...]] = {
    "widget's secret": (secret,),
    "API key": (key,),
    "secret of an API key": (key_rotated,),
    "invitation": (invitation, invitation_again),
    # No credentials by themselves: what those of others open.
    "role": (
        role_copied,
        role_edited,
        role_given,
        role_given_to_a_seated,
        role_edited_of_a_seated,
    ),
    "membership": (member_taken_back,),
    "team": (seat_in_team, team_taken_back),
}
# What opens no more than whoever it is issued to could do before.
OF_ONESELF = {
    "session": "by one's own password, passkey or provider",
    "refresh token": "of one's own log-in",
    "token family, with its access tokens (15 minutes)": "of one's own log-in",
    "impersonation": "operators alone, who see all organizations",
    "visitor's token": "a visitor's own conversations",
    "token of a verified visitor": "by a proof signed with a widget's secret",
    "proof of identity": "signed with a widget's secret",
    "ticket of a socket": "of one's own log-in, or of the visitor's token",
    "open socket": "of one's own log-in, or of the visitor's token",
    "second factor": "one's own, beside one's own password",
    "account of a provider": "one's own",
    "link of a password reset": "sent to the account's own address",
    "link that confirms an address": "sent to the address; it lets nobody in",
    "file of an export": "compared when it is fetched: `JobKind.may_fetch`",
}
ALL_MAKERS = [maker for makers in MAKERS.values() for maker in makers]


def test_every_credential_is_compared_with_its_maker_or_is_ones_own() -> None:
    section = SECURITY.read_text().partition("## Who is let in")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.*?) \|", section, re.MULTILINE)
    listed = set(rows) - {"what grants access"}
    assert len(listed) >= 15
    assert listed - set(MAKERS) == set(OF_ONESELF)


@pytest.mark.parametrize("maker", ALL_MAKERS)
def test_settings_alone_give_nothing_else(
    maker: Callable[[World, Any], object], world: World, organization: Organization
) -> None:
    by = member_with(organization, "Settings", SETTINGS)
    with pytest.raises(Forbidden):
        maker(world, by)


@pytest.mark.parametrize(("area", "action"), BESIDE)
@pytest.mark.parametrize("maker", ALL_MAKERS)
def test_one_right_less_is_too_little(
    maker: Callable[[World, Any], object],
    area: Module,
    action: str,
    world: World,
    organization: Organization,
) -> None:
    """Seeing what one's team sees is not seeing all, nor is it to change it."""
    least = Level.OWN if maker in {seat_in_team, team_taken_back} else Level.TEAM
    levels = (least, least) if action == "read" else (Level.ALL, least)
    by = member_with(organization, "Less", Rights({**GIVEN.grants, area: Grant(*levels)}))
    with pytest.raises(Forbidden):
        maker(world, by)


@pytest.mark.parametrize("maker", ALL_MAKERS)
def test_who_has_all_of_it_gives_it(
    maker: Callable[[World, Any], object], world: World, organization: Organization
) -> None:
    maker(world, member_with(organization, "Enough", GIVEN))


@pytest.mark.parametrize("maker", [secret, key, invitation, role_given])
def test_rights_that_were_taken_meanwhile_give_nothing(
    maker: Callable[[World, Any], object], world: World, organization: Organization
) -> None:
    by = member_with(organization, "Was more", GIVEN)
    give(Membership.objects.get(pk=by.pk), SETTINGS)
    with pytest.raises(Forbidden):
        maker(world, by)


@pytest.mark.parametrize("maker", [secret, key, key_rotated])
def test_a_key_makes_no_credential_that_outlives_it(
    maker: Callable[[World, Any], object], world: World
) -> None:
    by = ApiKeyPrincipal(
        organization_id=world.organization_id, granted=GIVEN, key_id=str(world.owner.pk)
    )
    with pytest.raises(PersonRequired):
        maker(world, by)


def test_the_page_says_why_there_is_no_button(
    client: Client, world: World, organization: Organization
) -> None:
    page, add = (
        reverse("chat:visitor_identity"),
        reverse("chat:add_identity_secret", args=[world.widget.pk]),
    )
    client.force_login(member_with(organization, "Settings", SETTINGS).user)
    shown = client.get(page).content.decode()
    assert (add in shown, 'id="why-not"' in shown) == (False, True)
    refused = client.post(add, follow=True).content.decode()
    assert "Nobody can give more rights than they have" in refused
    assert IdentitySecret.objects.count() == 0
    client.force_login(world.owner.user)
    shown = client.get(page).content.decode()
    assert (add in shown, 'id="why-not"' in shown) == (True, False)


def test_owners_see_whose_maker_is_gone(
    client: Client, world: World, organization: Organization
) -> None:
    maker = member_with(organization, "Maker", GIVEN)
    add_identity_secret(by=maker, widget_id=world.widget.pk)
    create_api_key(by=maker, name="Theirs", scopes=["inbox:read"], expires_at=None)
    client.force_login(world.owner.user)
    pages = (reverse("chat:visitor_identity"), reverse("authentication:api_keys_page"))
    gone = "its maker is no longer a member"
    for page in pages:
        shown = client.get(page).content.decode()
        assert ("Maker" in shown, gone in shown) == (True, False)
    deactivate_member(by=world.owner, membership_id=maker.pk)
    for page in pages:
        shown = client.get(page).content.decode()
        assert ("Maker" in shown, gone in shown) == (True, True)


@pytest.mark.parametrize(("level", "is_named"), [(Level.OWN, True), (Level.TEAM, False)])
def test_a_dismissal_shows_nobody_conversations_that_they_did_not_see(
    level: Level,
    is_named: bool,  # noqa: FBT001  a parameter of the test
    organization: Organization,
    owner: Membership,
) -> None:
    """They go to a successor, or to everybody who sees what is nobody's."""
    reach = Rights({Module.INBOX: Grant(level, level)})
    by = member_with(organization, "Office", Rights({**SETTINGS.grants, **reach.grants}))
    accomplice = member_with(organization, "Accomplice", reach)
    leaving = member_with(organization, "Leaving", reach)
    for successor_id in (by.pk, accomplice.pk) if is_named else (None,):
        with pytest.raises(GrantsTooMuch):
            deactivate_member(by=by, membership_id=leaving.pk, successor_id=successor_id)
    # Who sees all of it anyway is shown nothing new.
    deactivate_member(by=by, membership_id=leaving.pk, successor_id=owner.pk)
    leaving.refresh_from_db()
    assert (leaving.is_active, leaving.successor_id) == (False, owner.pk)


def test_an_invitation_seats_a_member_by_the_role_that_they_have(
    organization: Organization, colleague: Membership
) -> None:
    """Invited under another address of theirs, they keep their role, whatever was promised."""
    less = CustomRole.objects.create(
        organization=organization, name="Less", base=Role.VIEWER, grants={}
    )
    team = make_team("Others", colleague)
    by = member_with(organization, "Office", Rights({**SETTINGS.grants, **OF_A_TEAM.grants}))
    tokens: list[str] = []

    def note(token: str) -> str:
        tokens.append(token)
        return address_of(token)

    invite(by=by, email="alias@shop.example", role=str(less.pk), team_id=team.pk, address_of=note)
    by.user.email = "alias@shop.example"
    by.user.save(update_fields=["email"])
    with pytest.raises(InvitationNotFound):
        accept_invitation(token=tokens[0], user=by.user)
    assert [*team.members.all()] == [colleague]
