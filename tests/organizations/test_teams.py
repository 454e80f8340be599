"""Teams: who is in them, who leads, and what that lets people see."""

from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from crm.core.errors import Forbidden
from crm.core.permissions import Grant, Level, Module, Rights
from crm.core.permissions.errors import GrantsTooMuch
from crm.organizations.errors import (
    MemberNotFound,
    TeamFull,
    TeamNameTaken,
    TeamNotFound,
    TooManyTeams,
)
from crm.organizations.models import Membership, Organization, Role, Team, TeamMember, User
from crm.organizations.services.invitations import invite
from crm.organizations.services.roles import change_role, create_role, edit_role
from crm.organizations.services.teams import (
    MAX_MEMBERS,
    MAX_TEAMS,
    create_team,
    delete_team,
    edit_team,
)
from tests.conftest import make_member
from tests.organizations.people import present

TEAMS = reverse("organizations:teams")
NEW = reverse("organizations:new_team")


def seated(team: Team) -> set[str]:
    return set(team.members.values_list("user__name", flat=True))


def test_team_is_made_changed_and_removed_by_its_pages(
    client: Client, owner: Membership, agent: Membership, colleague: Membership
) -> None:
    client.force_login(owner.user)
    assert "There are no teams yet" in client.get(TEAMS).content.decode()
    answer = client.post(NEW, {"name": "Night", "lead": agent.pk, "members": [colleague.pk]})
    assert (answer.status_code, answer["Location"]) == (302, TEAMS)
    team = Team.objects.get()
    assert (team.name, team.lead_id, seated(team)) == ("Night", agent.pk, {"Linh", "Marco"})
    assert present(agent).led_ids == {agent.user_id, colleague.user_id}
    page = client.get(TEAMS).content.decode()
    assert "led by <bdi>Linh</bdi>" in page
    assert "2 members" in page
    url = reverse("organizations:team", args=[team.pk])
    assert client.get(url).status_code == 200
    sent = {"name": "Day", "lead": "", "members": [owner.pk, colleague.pk]}
    client.post(url, sent | {"_version": team.version})
    team.refresh_from_db()
    assert (team.name, team.lead_id, seated(team)) == ("Day", None, {"Olga", "Marco"})
    assert present(agent).colleague_ids == set()
    client.post(reverse("organizations:delete_team", args=[team.pk]), {"_version": team.version})
    assert not Team.objects.exists()
    assert Membership.objects.filter(pk=colleague.pk).exists()


def test_saving_twice_changes_nothing(owner: Membership, agent: Membership) -> None:
    team = create_team(by=owner, name="Night", lead_id=agent.pk, member_ids=[owner.pk])
    before = set(TeamMember.objects.values_list("pk", flat=True))
    edit_team(
        by=owner, team_id=team.pk, name="Night", lead_id=agent.pk, member_ids=[owner.pk, agent.pk]
    )
    assert set(TeamMember.objects.values_list("pk", flat=True)) == before


@pytest.mark.parametrize("role", ["supervisor", "agent", "viewer"])
def test_who_may_not_change_settings_makes_no_team(
    client: Client, organization: Organization, owner: Membership, role: str
) -> None:
    person = make_member(organization, "Pat", Role(role))
    team = create_team(by=owner, name="Night", lead_id=person.pk, member_ids=[])
    for attempt in (
        lambda: create_team(by=person, name="Mine", lead_id=None, member_ids=[person.pk]),
        lambda: edit_team(by=person, team_id=team.pk, name="x", lead_id=None, member_ids=[]),
        lambda: delete_team(by=person, team_id=team.pk),
    ):
        with pytest.raises(Forbidden):
            attempt()
    client.force_login(person.user)
    url = reverse("organizations:team", args=[team.pk])
    sees = 200 if role == "supervisor" else 403
    assert [client.get(TEAMS).status_code, client.get(url).status_code] == [sees, sees]
    assert client.get(NEW).status_code == 403
    assert client.post(url, {"name": "x"}).status_code == 403
    assert client.post(reverse("organizations:delete_team", args=[team.pk])).status_code == 403
    assert Team.objects.get().name == "Night"


def test_strangers_are_not_let_in(
    client: Client, owner: Membership, agent: Membership, stranger: Membership
) -> None:
    gone = make_member(owner.organization, "Gone", Role.AGENT)
    Membership.objects.filter(pk=gone.pk).update(is_active=False)
    for wrong in (stranger.pk, uuid4(), gone.pk):
        with pytest.raises(MemberNotFound):
            create_team(by=owner, name="Night", lead_id=None, member_ids=[agent.pk, wrong])
        with pytest.raises(MemberNotFound):
            create_team(by=owner, name="Night", lead_id=wrong, member_ids=[])
    client.force_login(owner.user)
    answer = client.post(NEW, {"name": "Night", "lead": stranger.pk, "members": [stranger.pk]})
    assert answer.status_code == 422
    assert not Team.objects.exists()
    assert not TeamMember.objects.exists()


def test_other_organizations_teams_do_not_exist(
    client: Client, owner: Membership, stranger: Membership
) -> None:
    theirs = create_team(by=stranger, name="Theirs", lead_id=None, member_ids=[stranger.pk])
    client.force_login(owner.user)
    url = reverse("organizations:team", args=[theirs.pk])
    assert client.get(url).status_code == 404
    assert client.post(url, {"name": "Mine"}).status_code == 404
    assert client.post(reverse("organizations:delete_team", args=[theirs.pk])).status_code == 404
    with pytest.raises(TeamNotFound):
        edit_team(by=owner, team_id=theirs.pk, name="Mine", lead_id=None, member_ids=[])
    assert Team.objects.get().name == "Theirs"


def test_deactivated_member_keeps_the_seat_until_it_is_taken(
    client: Client, owner: Membership, agent: Membership
) -> None:
    team = create_team(by=owner, name="Night", lead_id=None, member_ids=[owner.pk, agent.pk])
    Membership.objects.filter(pk=agent.pk).update(is_active=False)
    client.force_login(owner.user)
    url = reverse("organizations:team", args=[team.pk])
    sent = {"name": "Day", "members": [owner.pk, agent.pk], "_version": team.version}
    client.post(url, sent)
    assert seated(team) == {"Olga", "Linh"}
    team.refresh_from_db()
    client.post(url, sent | {"members": [owner.pk], "_version": team.version})
    assert seated(team) == {"Olga"}


def test_names_are_unique_in_any_case_of_letters(
    client: Client, owner: Membership, stranger: Membership
) -> None:
    create_team(by=owner, name="Night", lead_id=None, member_ids=[])
    create_team(by=stranger, name="Night", lead_id=None, member_ids=[])
    with pytest.raises(TeamNameTaken):
        create_team(by=owner, name="night", lead_id=None, member_ids=[])
    client.force_login(owner.user)
    answer = client.post(NEW, {"name": "NIGHT"})
    assert answer.status_code == 409
    assert "Another team has this name" in answer.content.decode()


def test_teams_and_their_members_are_bounded(owner: Membership) -> None:
    Team.objects.bulk_create(
        Team(organization=owner.organization, name=str(number)) for number in range(MAX_TEAMS)
    )
    with pytest.raises(TooManyTeams):
        create_team(by=owner, name="One more", lead_id=None, member_ids=[])
    users = User.objects.bulk_create(
        User(email=f"u{number}@sunbean.example", name="U") for number in range(MAX_MEMBERS + 1)
    )
    members = Membership.objects.bulk_create(
        Membership(organization=owner.organization, user=user) for user in users
    )
    team = Team.objects.all()[0]
    with pytest.raises(TeamFull):
        edit_team(
            by=owner,
            team_id=team.pk,
            name="Full",
            lead_id=None,
            member_ids=[member.pk for member in members],
        )
    assert not TeamMember.objects.exists()


def test_lists_ask_the_same_whatever_they_hold(
    client: Client,
    owner: Membership,
    agent: Membership,
    django_assert_max_num_queries: object,
) -> None:
    client.force_login(owner.user)

    def asked() -> int:
        with django_assert_max_num_queries(20) as captured:  # type: ignore[operator]
            client.get(TEAMS)
        return len(captured)

    create_team(by=owner, name="0", lead_id=agent.pk, member_ids=[owner.pk])
    few = asked()
    for number in range(1, 6):
        create_team(by=owner, name=str(number), lead_id=agent.pk, member_ids=[owner.pk])
    assert asked() == few


def limited(owner: Membership, member: Membership, level: Level) -> Membership:
    """Give a member a role that may change settings, and sees conversations only so far."""
    role = create_role(by=owner, name=f"Deputy {level.key}", copied_from=Role.ADMIN)
    rights = Rights({**role.rights.grants, Module.INBOX: Grant(level, level)})
    edit_role(by=owner, role_id=role.pk, version=None, name=role.name, rights=rights)
    change_role(by=owner, membership_id=member.pk, key=str(role.pk))
    return present(member)


@pytest.mark.parametrize("level", [Level.OWN, Level.TEAM])
def test_nobody_gets_a_sight_of_others_by_a_team_that_they_arrange(
    owner: Membership, agent: Membership, colleague: Membership, level: Level
) -> None:
    deputy = limited(owner, agent, level)
    everybody = [deputy.pk, colleague.pk]
    with pytest.raises(GrantsTooMuch):
        create_team(by=deputy, name="Mine", lead_id=deputy.pk, member_ids=everybody)
    assert not Team.objects.exists()
    team = create_team(by=owner, name="Theirs", lead_id=None, member_ids=[colleague.pk])
    for lead_id in (deputy.pk, *([None] if level == Level.TEAM else [])):
        with pytest.raises(GrantsTooMuch):
            edit_team(
                by=deputy, team_id=team.pk, name="Theirs", lead_id=lead_id, member_ids=everybody
            )
    with pytest.raises(GrantsTooMuch):
        invite(
            by=deputy,
            email="accomplice@sunbean.example",
            role=str(deputy.custom_role_id),
            team_id=create_team(by=owner, name="Led", lead_id=deputy.pk, member_ids=[deputy.pk]).pk,
            address_of=lambda token: token,
        )
    # What lets nobody see more is theirs to change: the name, who leaves, who may see it anyway.
    edit_team(by=deputy, team_id=team.pk, name="Ours", lead_id=None, member_ids=[])
    edit_team(by=deputy, team_id=team.pk, name="Ours", lead_id=colleague.pk, member_ids=[])
    assert seated(team) == {"Marco"}
