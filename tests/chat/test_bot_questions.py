"""What the bot did not know becomes a FAQ, or leaves the list, by who may."""

from typing import Any

import pytest
from django.test import Client

from chat.interactions import BotInteraction, Outcome
from crm.core.ids import uuid7
from crm.core.permissions import SystemPrincipal
from crm.organizations.models import Membership, Organization
from knowledge.models import Faq
from knowledge.services import answer, import_faqs, index_now
from tests.chat.test_bot_interactions import record
from tests.knowledge.conftest import contents

LIST = "/app/knowledge/questions/"


@pytest.fixture
def asked(organization: Organization) -> BotInteraction:
    BotInteraction.objects.create_indexes()
    record(organization.pk, "Do you have <b>wifi</b>?", Outcome.UNKNOWN)
    return BotInteraction.objects.unanswered(organization.pk)[0]


def browser(membership: Membership) -> Client:
    client = Client()
    client.force_login(membership.user)
    return client


def waiting(organization: Organization) -> int:
    return len(BotInteraction.objects.unanswered(organization.pk))


def test_list_shows_ones_own_as_text(
    asked: BotInteraction, agent: Membership, stranger: Membership
) -> None:
    assert b"Do you have &lt;b&gt;wifi&lt;/b&gt;?" in browser(agent).get(LIST).content
    assert b"wifi" not in browser(stranger).get(LIST).content
    assert Client().get(LIST).status_code == 302


@pytest.mark.parametrize("settled", ["\x00", "a/b", "\ufffd", "x" * 5000])
def test_a_made_up_settled_question_is_offered_nothing(agent: Membership, settled: str) -> None:
    shown = browser(agent).get(LIST, {"settled": settled})
    assert (shown.status_code, shown.context["settled"]) == (200, "")


ANSWERED = {
    "question": "Is there wifi?",
    "answer": "Yes.",
    "language_code": "en",
    "is_published": "on",
}


def test_question_becomes_a_faq_and_leaves_the_list(
    asked: BotInteraction,
    organization: Organization,
    owner: Membership,
    django_capture_on_commit_callbacks: Any,
) -> None:
    client = browser(owner)
    page = client.get(f"{LIST}{asked.id}/answer/")
    assert page.context["form"].initial["question"] == asked.question
    with django_capture_on_commit_callbacks(execute=True):
        reply = client.post(f"{LIST}{asked.id}/answer/", ANSWERED)
    assert (reply.status_code, reply["Location"]) == (302, LIST)
    assert Faq.objects.get(organization=organization).question == "Is there wifi?"
    assert waiting(organization) == 0


def test_question_is_dismissed_and_brought_back(
    asked: BotInteraction, organization: Organization, owner: Membership
) -> None:
    client = browser(owner)
    gone = client.post(f"{LIST}{asked.id}/settle/", follow=True)
    assert b"left the list" in gone.content
    assert waiting(organization) == 0
    client.post(f"{LIST}{asked.id}/unsettle/")
    assert waiting(organization) == 1


def test_a_question_that_a_colleague_answered_is_answered_again_only_knowingly(
    asked: BotInteraction,
    organization: Organization,
    owner: Membership,
    django_capture_on_commit_callbacks: Any,
) -> None:
    path = f"{LIST}{asked.id}/answer/"
    client = browser(owner)
    with django_capture_on_commit_callbacks(execute=True):
        client.post(path, ANSWERED)
    mine = ANSWERED | {"answer": "No, written by hand."}
    reply = client.post(path, mine)
    assert reply.status_code == 409
    assert "Somebody took care of this question meanwhile" in reply.content.decode()
    assert reply.context["form"]["answer"].value() == "No, written by hand."
    assert list(Faq.objects.values_list("answer", flat=True)) == ["Yes."]
    # Who opens it only now is told before they write; the page that said so may save.
    assert b'name="warned"' in client.get(path).content
    assert client.post(path, mine | {"warned": "1"}).status_code == 302
    assert Faq.objects.of(organization.pk).count() == 2


def test_a_question_that_a_colleague_settled_goes_to_no_other_faq(
    asked: BotInteraction, organization: Organization, owner: Membership
) -> None:
    import_faqs(by=SystemPrincipal(organization.pk), contents=contents())
    faq = Faq.objects.of(organization.pk).first()
    assert faq is not None
    client = browser(owner)
    client.post(f"{LIST}{asked.id}/settle/")
    reply = client.post(f"{LIST}{asked.id}/same/", {"faq": faq.pk}, follow=True)
    assert b"took care of this question meanwhile. Nothing was changed." in reply.content
    faq.refresh_from_db()
    assert faq.phrasings == []


def test_question_becomes_another_way_to_ask_a_faq(
    asked: BotInteraction,
    organization: Organization,
    owner: Membership,
    django_capture_on_commit_callbacks: Any,
) -> None:
    import_faqs(by=SystemPrincipal(organization.pk), contents=contents())
    index_now(organization_id=organization.pk)
    client = browser(owner)
    nearest = client.get(f"{LIST}{asked.id}/answer/").context["nearest"]
    assert len(nearest) == 3
    with django_capture_on_commit_callbacks(execute=True):
        reply = client.post(f"{LIST}{asked.id}/same/", {"faq": nearest[0].id})
    assert (reply.status_code, reply["Location"]) == (302, LIST)
    faq = Faq.objects.get(pk=nearest[0].id)
    assert (faq.phrasings, faq.version, faq.is_indexed) == ([asked.question], 2, False)
    assert waiting(organization) == 0
    index_now(organization_id=organization.pk)
    found = answer(organization_id=organization.pk, question=asked.question, language="en")
    assert found.sources[0].id == nearest[0].id


@pytest.mark.parametrize("given", ["", "nonsense", "01a1fc55-3b46-75fa-ba96-62106721bed2"])
def test_question_is_the_same_as_no_faq(
    asked: BotInteraction, organization: Organization, owner: Membership, given: str
) -> None:
    assert browser(owner).post(f"{LIST}{asked.id}/same/", {"faq": given}).status_code == 404
    assert waiting(organization) == 1


@pytest.mark.parametrize("verb", ["answer", "same", "settle", "unsettle"])
def test_who_may_not_changes_nothing(
    asked: BotInteraction,
    organization: Organization,
    agent: Membership,
    stranger: Membership,
    verb: str,
) -> None:
    given = {"question": "Q?", "answer": "A.", "language_code": "en", "faq": str(uuid7())}
    assert browser(agent).post(f"{LIST}{asked.id}/{verb}/", given).status_code == 403
    assert browser(stranger).post(f"{LIST}{asked.id}/{verb}/", given).status_code == 404
    assert browser(stranger).post(f"{LIST}nonsense/{verb}/", given).status_code == 404
    assert waiting(organization) == 1
    assert not Faq.objects.exists()


def test_long_list_is_paged(organization: Organization, agent: Membership) -> None:
    BotInteraction.objects.create_indexes()
    for number in range(35):
        record(organization.pk, f"question {number}", Outcome.UNKNOWN)
    client = browser(agent)
    first = client.get(LIST)
    rest = client.get(f"{LIST}{first.context['next']}")
    assert (len(first.context["questions"]), len(rest.context["questions"])) == (30, 5)
    assert rest.context["next"] == ""


@pytest.mark.parametrize(
    "place", ["x", "2026-01-01T00:00:00+00:00_zz", "2026-01-01_" + "0" * 24, "_"]
)
def test_damaged_place_is_a_clear_refusal(agent: Membership, place: str) -> None:
    reply = browser(agent).get(LIST, {"after": place})
    assert (reply.status_code, reply.json()["code"]) == (400, "wrong_place")
