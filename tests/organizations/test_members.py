"""Inviting, joining, deactivating, leaving: who may, and that an owner always stays."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.compliance.presentation import people_names
from crm.compliance.services.legal_holds import subjects_named
from crm.core.mail.models import Mail
from crm.organizations.errors import AlreadyDeactivated, LastOwner
from crm.organizations.models import Invitation, Membership, Organization, Role, Team, User
from crm.organizations.services.members import (
    deactivate_member,
    leave_organization,
    reactivate_member,
)
from tests.authentication.letters import last_letter, link_in
from tests.conftest import PASSWORD, make_member
from tests.patience import PATIENCE

MEMBERS = reverse("organizations:members")
LEAVE = reverse("organizations:leave")
INBOX = reverse("chat:inbox")
EMAIL = "nora@fjord.example"
MAX_QUERIES = 14


@pytest.fixture
def at_work(client: Client, owner: Membership) -> Client:
    client.force_login(owner.user)
    return client


def ask_in(client: Client, email: str = EMAIL, role: str = "agent", **more: str):
    return client.post(MEMBERS, {"email": email, "role": role, **more})


def entered(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_newcomer_joins_by_the_letters_link(at_work: Client, owner: Membership) -> None:
    team = Team.objects.create(organization=owner.organization, name="Support")
    assert ask_in(at_work, EMAIL.upper(), "supervisor", team=str(team.pk)).status_code == 302
    link = link_in(last_letter(EMAIL))
    guest = Client()
    assert "Sunbean" in guest.get(link).content.decode()
    answer = guest.post(link, {"name": "Nora", "password": PASSWORD, "timezone": "Europe/Oslo"})
    assert (answer.status_code, answer["Location"]) == (302, INBOX)
    assert guest.get(INBOX).status_code == 200
    membership = Membership.objects.get(user__email=EMAIL)
    assert (membership.role, membership.organization_id) == ("supervisor", owner.organization_id)
    assert membership.user.timezone == "Europe/Oslo"
    assert list(team.members.all()) == [membership]
    assert Organization.objects.count() == 1


def test_member_of_another_organization_joins_and_can_switch(
    at_work: Client, stranger: Membership
) -> None:
    ask_in(at_work, stranger.user.email)
    link = link_in(last_letter(stranger.user.email))
    guest = Client()
    page = guest.get(link).content.decode()
    assert f"/login/?next={link}" in page
    guest.post(
        reverse("authentication:log_in"), {"email": stranger.user.email, "password": PASSWORD}
    )
    assert guest.post(link)["Location"] == INBOX
    assert sorted(stranger.user.memberships.values_list("organization__slug", "role")) == [
        ("inkwell", "owner"),
        ("sunbean", "agent"),
    ]
    assert "Sunbean" in guest.get(reverse("organizations:organization")).content.decode()


def test_link_works_once(at_work: Client) -> None:
    ask_in(at_work)
    link = link_in(last_letter(EMAIL))
    Client().post(link, {"name": "Nora", "password": PASSWORD})
    assert Client().get(link).status_code == 404
    assert Client().post(link, {"name": "Eve", "password": PASSWORD}).status_code == 404
    assert User.objects.filter(name="Eve").count() == 0


def test_join_form_sent_twice_leads_in_both_times(at_work: Client) -> None:
    ask_in(at_work)
    link = link_in(last_letter(EMAIL))
    sent = {"name": "Nora", "password": PASSWORD}
    for _time in range(2):
        guest = Client()
        assert guest.post(link, sent)["Location"] == INBOX
        assert guest.get(INBOX).status_code == 200
    assert Client().post(link, sent | {"password": "another one"}).status_code >= 400
    User.objects.filter(email=EMAIL).update(created_at=timezone.now() - timedelta(minutes=2))
    assert Client().post(link, sent).status_code == 404


@pytest.mark.parametrize("change", ["expired", "revoked", "replaced", "resent", "organization off"])
def test_links_that_no_longer_work_all_say_the_same(at_work: Client, change: str) -> None:
    ask_in(at_work)
    link = link_in(last_letter(EMAIL))
    invitation = Invitation.objects.get()
    if change == "expired":
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif change == "revoked":
        at_work.post(reverse("organizations:revoke_invitation", args=[invitation.pk]))
    elif change == "replaced":
        ask_in(at_work, role="viewer")
    elif change == "resent":
        at_work.post(reverse("organizations:resend_invitation", args=[invitation.pk]))
    else:
        Organization.objects.update(is_active=False)
    answers = [
        Client().get(path, headers={"accept": "application/json"})
        for path in (link, reverse("authentication:join", args=["made-up"]))
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["code"] == "invitation_not_found"


def test_resent_link_works(at_work: Client) -> None:
    ask_in(at_work)
    Invitation.objects.update(expires_at=timezone.now() - timedelta(days=1))
    at_work.post(reverse("organizations:resend_invitation", args=[Invitation.objects.get().pk]))
    assert Client().get(link_in(last_letter(EMAIL))).status_code == 200


def test_somebody_else_cannot_use_the_link(at_work: Client, stranger: Membership) -> None:
    ask_in(at_work)
    link = link_in(last_letter(EMAIL))
    thief = entered(stranger.user)
    assert "another address" in thief.get(link).content.decode()
    assert thief.post(link).status_code == 403
    assert stranger.user.memberships.count() == 1
    assert Client().get(link).status_code == 200, "it still works for whom it is for"


def test_only_a_hash_of_the_key_is_kept(at_work: Client) -> None:
    ask_in(at_work)
    token = link_in(last_letter(EMAIL)).rstrip("/").rpartition("/")[2]
    assert len(token) >= 43
    assert token not in str(Invitation.objects.values().get())


def test_invitations_are_for_those_who_may_change_settings(
    agent: Membership, stranger: Membership, owner: Membership
) -> None:
    assert ask_in(entered(agent.user)).status_code == 403
    ask_in(entered(owner.user))
    invitation = Invitation.objects.get()
    foreign = entered(stranger.user)
    for name in ("organizations:revoke_invitation", "organizations:resend_invitation"):
        foreign.post(reverse(name, args=[invitation.pk]))
        entered(agent.user).post(reverse(name, args=[invitation.pk]))
    invitation.refresh_from_db()
    assert invitation.revoked_at is None
    assert Mail.objects.count() == 1
    assert EMAIL not in foreign.get(MEMBERS).content.decode()


def test_nobody_invites_above_their_own_rights(organization: Organization) -> None:
    admin = make_member(organization, "Ada", Role.ADMIN)
    answer = ask_in(entered(admin.user), role="owner")
    assert answer.status_code == 400
    assert "role" in answer.context["form"].errors
    assert Invitation.objects.count() == 0


def test_member_is_not_invited_again(at_work: Client, agent: Membership) -> None:
    answer = ask_in(at_work, agent.user.email)
    assert answer.status_code == 409
    assert Mail.objects.count() == 0


def test_joining_again_after_deactivation_gives_the_new_role(
    at_work: Client, agent: Membership
) -> None:
    at_work.post(reverse("organizations:deactivate_member", args=[agent.pk]))
    ask_in(at_work, agent.user.email, "viewer")
    entered(agent.user).post(link_in(last_letter(agent.user.email)))
    agent.refresh_from_db()
    assert (agent.is_active, agent.role) == (True, "viewer")


def test_an_older_invitation_lets_nobody_back_in(
    at_work: Client, owner: Membership, agent: Membership
) -> None:
    """It was sent to an address that became the member's, and they were deactivated since."""
    ask_in(at_work, EMAIL, "supervisor")
    link = link_in(last_letter(EMAIL))
    User.objects.filter(pk=agent.user_id).update(email=EMAIL)
    deactivate_member(by=owner, membership_id=agent.pk)
    agent.user.refresh_from_db()
    entered(agent.user).post(link)
    agent.refresh_from_db()
    assert (agent.is_active, agent.role) == (False, "agent")
    invitation = Invitation.objects.get()
    at_work.post(reverse("organizations:resend_invitation", args=[invitation.pk]))
    entered(agent.user).post(link_in(last_letter(EMAIL)))
    agent.refresh_from_db()
    assert (agent.is_active, agent.role) == (True, "supervisor")


def test_joining_again_forgets_who_succeeded_before(
    at_work: Client, agent: Membership, colleague: Membership
) -> None:
    """Whom an operator switches off later is succeeded by nobody."""
    form = {"successor": str(colleague.pk)}
    at_work.post(reverse("organizations:deactivate_member", args=[agent.pk]), form)
    agent.refresh_from_db()
    assert agent.successor_id == colleague.pk
    ask_in(at_work, agent.user.email)
    entered(agent.user).post(link_in(last_letter(agent.user.email)))
    agent.refresh_from_db()
    assert (agent.is_active, agent.successor_id) == (True, None)


def test_letters_to_one_address_are_counted_whoever_invites(
    at_work: Client, stranger: Membership
) -> None:
    promote(stranger)
    others = entered(stranger.user)
    ask_in(at_work)
    (invitation,) = Invitation.objects.all()
    again = reverse("organizations:resend_invitation", args=[invitation.pk])
    for _time in range(6):
        at_work.post(again)
    for _time in range(6):
        ask_in(others)
    assert Mail.objects.filter(to=EMAIL).count() == 10
    assert "Too many" in at_work.post(again, follow=True).content.decode()
    assert ask_in(others, "other@fjord.example").status_code == 302, "others are written to"
    assert Mail.objects.filter(to=EMAIL).count() == 10


def promote(member: Membership) -> None:
    member.role = Role.OWNER
    member.save(update_fields=["role"])


def test_weak_password_is_refused_and_the_link_still_works(at_work: Client) -> None:
    ask_in(at_work)
    link = link_in(last_letter(EMAIL))
    answer = Client().post(link, {"name": "Nora", "password": "short"})
    assert answer.status_code == 400
    assert list(answer.context["form"].errors) == ["password"]
    assert Client().get(link).status_code == 200


def test_deactivated_member_is_out_at_once_and_can_be_let_in_again(
    at_work: Client, agent: Membership
) -> None:
    theirs = entered(agent.user)
    assert theirs.get(INBOX).status_code == 200
    at_work.post(reverse("organizations:deactivate_member", args=[agent.pk]))
    assert theirs.get(INBOX).status_code == 302
    answer = theirs.get(reverse("chat:inbox_conversations"))
    assert (answer.status_code, answer.json()["code"]) == (403, "no_organization")
    at_work.post(reverse("organizations:reactivate_member", args=[agent.pk]))
    # What they were logged in with before stays over.
    answer = theirs.get(INBOX, follow=True)
    assert answer.redirect_chain[-1][0].startswith(reverse("authentication:log_in"))
    assert "Log in again to work for Sunbean." in answer.content.decode()
    assert entered(agent.user).get(INBOX).status_code == 200


def test_a_second_choice_of_a_successor_is_told_that_it_came_too_late(
    at_work: Client, agent: Membership, colleague: Membership, owner: Membership
) -> None:
    address = reverse("organizations:deactivate_member", args=[agent.pk])
    for successor, told in (
        (colleague, "They can no longer come in."),
        (colleague, "They can no longer come in."),
        (owner, "Somebody deactivated this person before."),
    ):
        page = at_work.post(address, {"successor": str(successor.pk)}, follow=True)
        text = page.content.decode()
        assert told in text
        assert ("being handed over" in text) is (successor == colleague)
        assert ("Marco" in text.partition("and stays: ")[2][:20]) is (successor == owner)
        agent.refresh_from_db()
        assert agent.successor_id == colleague.pk
    with pytest.raises(AlreadyDeactivated):
        deactivate_member(by=owner, membership_id=agent.pk)


def test_members_of_others_are_not_touched(at_work: Client, stranger: Membership) -> None:
    at_work.post(reverse("organizations:deactivate_member", args=[stranger.pk]))
    at_work.post(reverse("organizations:set_role", args=[stranger.pk]), {"role": "viewer"})
    stranger.refresh_from_db()
    assert (stranger.is_active, stranger.role) == (True, "owner")
    assert stranger.user.email not in at_work.get(MEMBERS).content.decode()


def test_admin_neither_deactivates_nor_demotes_an_owner(
    organization: Organization, owner: Membership
) -> None:
    admin = entered(make_member(organization, "Ada", Role.ADMIN).user)
    admin.post(reverse("organizations:deactivate_member", args=[owner.pk]))
    admin.post(reverse("organizations:set_role", args=[owner.pk]), {"role": "viewer"})
    owner.refresh_from_db()
    assert (owner.is_active, owner.role) == (True, "owner")


def test_last_owner_neither_leaves_nor_is_demoted(
    at_work: Client, owner: Membership, organization: Organization
) -> None:
    answer = at_work.post(LEAVE, follow=True)
    assert "always has an owner" in answer.content.decode()
    at_work.post(reverse("organizations:set_role", args=[owner.pk]), {"role": "agent"})
    at_work.post(reverse("organizations:deactivate_member", args=[owner.pk]))
    owner.refresh_from_db()
    assert (owner.is_active, owner.role) == (True, "owner")
    make_member(organization, "Otto", Role.OWNER)
    at_work.post(LEAVE)
    owner.refresh_from_db()
    assert not owner.is_active


def test_agent_leaves_and_is_out(agent: Membership, owner: Membership) -> None:
    theirs = entered(agent.user)
    assert theirs.post(LEAVE)["Location"] == reverse("organizations:profile")
    assert theirs.get(INBOX).status_code == 302
    assert theirs.get(reverse("organizations:profile")).status_code == 200


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


@pytest.mark.django_db(transaction=True)
def test_two_last_owners_cannot_leave_at_once(
    organization: Organization, owner: Membership, pool: ThreadPoolExecutor
) -> None:
    other = make_member(organization, "Otto", Role.OWNER)

    def leave() -> None:
        try:
            leave_organization(membership_id=other.pk)
        finally:
            connection.close()

    with transaction.atomic():
        leave_organization(membership_id=owner.pk)
        waiting = pool.submit(leave)
        with pytest.raises(StillWaiting):
            waiting.result(timeout=0.5)
    with pytest.raises(LastOwner):
        waiting.result(timeout=PATIENCE)
    other.refresh_from_db()
    assert other.is_active


def test_list_is_paged_and_searched_with_a_fixed_number_of_queries(
    at_work: Client, organization: Organization, django_assert_max_num_queries
) -> None:
    for number in range(120):
        user = User.objects.create(email=f"m{number}@sunbean.example", name=f"Member {number}")
        Membership.objects.create(organization=organization, user=user)
    names: list[str] = []
    url = MEMBERS
    while url:
        with django_assert_max_num_queries(MAX_QUERIES):
            answer = at_work.get(url)
        names += [each.user.name for each in answer.context["members"]]
        url = answer.context["next"]
    assert len(names) == len(set(names)) == 121
    found = at_work.get(MEMBERS, {"q": "member 11"})
    assert len(found.context["members"]) == 11
    assert at_work.get(MEMBERS, {"after": "nonsense"}).status_code == 200


def test_who_left_is_called_as_they_were_then(
    owner: Membership, agent: Membership, client: Client
) -> None:
    user, called = agent.user, (agent.user.name, agent.user.email)
    deactivate_member(by=owner, membership_id=agent.pk)
    user.name, user.email = "Married Name", "private@elsewhere.example"
    user.save()
    client.force_login(owner.user)

    def shown() -> tuple[str, str]:
        (found,) = [
            each
            for each in client.get("/api/v1/members").json()["results"]
            if each["id"] == str(agent.pk)
        ]
        return found["name"], found["email"]

    assert shown() == called
    theirs = Membership.objects.in_organization(owner.organization_id)
    assert not theirs.named_like("private@elsewhere.example").exists()
    assert theirs.named_like(called[0]).get() == agent
    page = client.get(reverse("organizations:members")).content.decode()
    assert called[0] in page
    assert "Married" not in page
    assert subjects_named("user", "private@elsewhere.example", by=owner) == []
    (left,) = subjects_named("user", called[1], by=owner)
    assert people_names([left.removeprefix("user:")], {owner.organization_id}) == {
        str(user.pk): called[0]
    }
    reactivate_member(by=owner, membership_id=agent.pk)
    assert shown() == ("Married Name", "private@elsewhere.example")
