"""Names that look like nothing are none; names that differ by an accent are two."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from chat.models import Conversation, Message, Widget
from crm.core.form_guard.errors import OrganizationSwitched
from crm.core.mail.models import Mail
from crm.core.permissions import SystemPrincipal
from crm.core.text.domains import InvalidDomain, normalize_domain
from crm.core.text.normalization import isolate
from crm.organizations.errors import RoleNameTaken, TeamNameTaken
from crm.organizations.models import CustomRole, Invitation, Membership, Team
from crm.organizations.services.roles import create_role
from crm.organizations.services.teams import create_team
from knowledge import answer_cache
from knowledge.errors import CategoryNameMissing, CategoryNameTaken, FaqKeyTaken
from knowledge.models import Faq, FaqCategory
from knowledge.services import (
    FaqContent,
    create_category,
    create_faq,
    import_faqs,
    rename_category,
)
from tests.api.conftest import Api, api

__all__ = ["api"]
NOTHING = [
    "\u200b",
    "\u2800",
    "\u3164",
    "\u00a0\u2060",
    "\u115f\u1160",
    "\ufeff\u202e",
    "\u0301",
    "\u0378",
]
CATEGORIES = reverse("knowledge:categories")
TURNED = "\u202eمحل الهدايا"


@pytest.fixture
def page(owner: Membership) -> Client:
    client = Client()
    client.force_login(owner.user)
    return client


def test_category_of_another_accent_is_another_category(page: Client) -> None:
    for name in ("Bò", "Bơ", "bo\u0300", "BƠ", "Bo"):
        page.post(CATEGORIES, {"name": name})
    assert sorted(FaqCategory.objects.values_list("name", flat=True)) == ["Bo", "Bò", "Bơ"]
    assert FaqCategory.objects.values("slug").distinct().count() == 3


def test_taken_name_of_a_category_is_refused_and_nothing_renamed(
    page: Client, owner: Membership
) -> None:
    first = create_category(by=SystemPrincipal(owner.organization_id), name="Bò")
    answer = page.post(CATEGORIES, {"name": "\u200bBÒ "})
    assert answer.status_code == 422
    assert "There is a category of this name already." in answer.content.decode()
    with pytest.raises(CategoryNameTaken):
        rename_category(
            by=SystemPrincipal(owner.organization_id),
            category_id=create_category(by=SystemPrincipal(owner.organization_id), name="Bơ").pk,
            name="bò",
        )
    first.refresh_from_db()
    assert first.name == "Bò"


def test_category_of_a_known_key_is_brought_up_to_date(owner: Membership) -> None:
    ids: dict[str, Any] = {"by": SystemPrincipal(owner.organization_id), "slug": "beef"}
    first = create_category(**ids, name="Bò")
    again = create_category(**ids, name="Thịt bò", names={"ru": "Говя\u200bдина"})
    assert (again.pk, again.name, again.names) == (first.pk, "Thịt bò", {"ru": "Говядина"})


@pytest.mark.parametrize("name", NOTHING)
def test_name_that_nobody_sees_is_no_name(
    page: Client, api: Api, owner: Membership, name: str
) -> None:
    assert page.post(CATEGORIES, {"name": name}).status_code == 422
    with pytest.raises(CategoryNameMissing):
        create_category(by=SystemPrincipal(owner.organization_id), name=name)
    page.post(
        reverse("organizations:profile"), {"name": name, "language_code": "en", "timezone": "UTC"}
    )
    owner.user.refresh_from_db()
    assert owner.user.name == "Olga"
    assert api.patch("/api/v1/organization", {"name": name}).json()["code"] == "invalid_field"
    faq = {"question": name, "answer": "A", "language": "en"}
    assert api.post("/api/v1/knowledge/faqs", faq).status_code == 400
    assert FaqCategory.objects.count() == Faq.objects.count() == 0


@pytest.mark.parametrize("text", NOTHING)
def test_message_that_nobody_sees_is_empty(api: Api, conversation: Conversation, text: str) -> None:
    before = Message.objects.after(conversation.organization_id, conversation.pk, 0)
    answer = api.post(
        f"/api/v1/streams/{conversation.stream}/messages",
        {"content": {"type": "text", "text": text}},
        **{"Idempotency-Key": "m-9"},
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "empty_text")
    assert Message.objects.after(conversation.organization_id, conversation.pk, 0) == before


def test_message_keeps_emoji_and_loses_what_turns_it(api: Api, conversation: Conversation) -> None:
    text = "Da\u0323 👩🏽‍💻 \u202eabc\r\n10\u00a0000 ₽\u200b"
    answer = api.post(
        f"/api/v1/streams/{conversation.stream}/messages",
        {"content": {"type": "text", "text": text}},
        **{"Idempotency-Key": "m-8"},
    )
    assert answer.status_code in {200, 201}, answer.content
    *_rest, last = Message.objects.after(conversation.organization_id, conversation.pk, 0)
    assert last.content["text"] == "Dạ 👩🏽‍💻 abc\n10\u00a0000 ₽"


def test_label_in_another_spelling_is_the_same_label(api: Api, conversation: Conversation) -> None:
    labels = ["Bò", "bo\u0300", "Bơ", "\u200bBÒ"]
    answer = api.patch(f"/api/v1/conversations/{conversation.pk}", {"labels": labels})
    assert answer.status_code == 200, answer.content
    conversation.refresh_from_db()
    assert conversation.labels == ["Bò", "Bơ"]


def test_label_is_found_in_every_spelling(api: Api, conversation: Conversation) -> None:
    Conversation.objects.filter(pk=conversation.pk).update(labels=["VIP", "O’Brien"])
    for label, count in (("vip", 1), ("ＶＩＰ", 1), ("o'brien", 1), ("vi", 0), ("víp", 0)):
        answer = api.get("/api/v1/conversations", {"label": label})
        assert len(answer.json()["results"]) == count, label


def test_key_in_other_letters_is_the_same_key(api: Api, owner: Membership) -> None:
    faq = {"question": "Q?", "answer": "A.", "language": "en", "key": "Returns"}
    assert api.post("/api/v1/knowledge/faqs", faq).json()["key"] == "returns"
    for key in ("returns", "RETURNS"):
        answer = api.post("/api/v1/knowledge/faqs", faq | {"key": key})
        assert (answer.status_code, answer.json()["code"]) == (409, "faq_key_taken")
        assert len(api.get("/api/v1/knowledge/faqs", {"key": key}).json()["results"]) == 1
    content = FaqContent(question="Other?", answer="A.", language_code="en", key="RETURNS")
    with pytest.raises(FaqKeyTaken):
        create_faq(content=content, by=owner)
    counts = import_faqs(by=SystemPrincipal(owner.organization_id), contents=[content])
    assert (counts["updated"], Faq.objects.count()) == (1, 1)


def test_team_in_another_spelling_is_taken_and_of_another_accent_is_not(
    page: Client, owner: Membership
) -> None:
    create_team(by=owner, name="Отдел ёлок, Hóa", lead_id=None, member_ids=[])
    for name in (
        "ОТДЕЛ ЁЛОК, HÓA",
        "Отдел\u00a0ёлок,\u200b Hóa",
        "Отдел елок, Hoá",
        "Отдел ёлок, Hoa",
    ):
        page.post(reverse("organizations:new_team"), {"name": name, "lead": "", "members": []})
    assert sorted(Team.objects.values_list("name", flat=True)) == [
        "Отдел ёлок, Hoa",
        "Отдел ёлок, Hóa",
    ]
    assert CustomRole.objects.count() == 0


@pytest.mark.parametrize("again", ["O’Brien", "O‘BRIEN", "Oʼbrien", "O`Brien\u2800"])
def test_apostrophe_of_another_keyboard_makes_no_other_name(
    owner: Membership, conversation: Conversation, api: Api, again: str
) -> None:
    ids: dict[str, Any] = {"by": SystemPrincipal(owner.organization_id)}
    create_team(by=owner, name="O'Brien", lead_id=None, member_ids=[])
    create_role(by=owner, name="O'Brien", copied_from="agent")
    create_category(**ids, name="O'Brien")
    with pytest.raises(TeamNameTaken):
        create_team(by=owner, name=again, lead_id=None, member_ids=[])
    with pytest.raises(RoleNameTaken):
        create_role(by=owner, name=again, copied_from="agent")
    with pytest.raises(CategoryNameTaken):
        create_category(**ids, name=again)
    url = f"/api/v1/conversations/{conversation.pk}"
    assert api.patch(url, {"labels": ["O'Brien", again]}).status_code == 200
    conversation.refresh_from_db()
    assert conversation.labels == ["O'Brien"]


def test_cached_answers_of_similar_questions_are_not_exchanged(owner: Membership) -> None:
    def key(question: str) -> str:
        return answer_cache.Key.of(owner.organization_id, 1, question, "vi").name

    assert key("Bò bao nhiêu?") == key("BÒ bao nhiêu") == key("bo\u0300 bao\u00a0nhiêu?!")
    questions = ["Bò bao nhiêu?", "Bơ bao nhiêu?", "Bo bao nhiêu?", "C++?", "C#?", "Йод", "Иод"]
    assert len({key(question) for question in questions}) == len(questions)


def test_key_made_of_a_question_is_not_shared_by_another_one(api: Api) -> None:
    for question in ("Bò?", "Bơ?"):
        body = {"question": question, "answer": "A.", "language": "vi"}
        assert api.post("/api/v1/knowledge/faqs", body).status_code == 201
    assert Faq.objects.values("key").distinct().count() == 2


def test_name_written_from_right_to_left_stays_inside_its_sentence(
    page: Client, owner: Membership
) -> None:
    owner.organization.name = TURNED
    owner.organization.save()
    assert "\u202e" not in owner.organization.name
    owner.refresh_from_db()
    page.post(
        reverse("organizations:members"),
        {"email": "new@sunbean.example", "role": "agent", "team": ""},
    )
    mail, invitation = Mail.objects.get(), Invitation.objects.get()
    name = isolate(owner.organization.name)
    assert name == "\u2068محل الهدايا\u2069"
    assert f"Olga invites you to work in {name} on NextFlow." in mail.text
    assert name in mail.html
    assert name in mail.subject
    assert invitation.organization_id == owner.organization_id


def test_sentences_with_what_is_written_from_right_to_left_are_not_turned() -> None:
    said = OrganizationSwitched.between(current="דנה", other="Sunbean", ids=("1", "2")).message
    assert f"You switched to {isolate('דנה')} in another tab" in said
    with pytest.raises(InvalidDomain, match=f"“{isolate('דנה חנות')}” has a space"):
        normalize_domain("דנה חנות")


def test_conflict_about_the_role_of_somebody_written_from_right_to_left(
    page: Client, agent: Membership
) -> None:
    agent.user.name = "דנה"
    agent.user.save(update_fields=["name", "updated_at"])
    url = reverse("organizations:set_role", args=[agent.pk])
    shown = page.post(url, {"role": "viewer", "_version": "7"}, follow=True).content.decode()
    assert f"The role of {isolate('דנה')} was changed meanwhile" in shown


def test_page_isolates_names_in_its_sentences(page: Client, owner: Membership) -> None:
    owner.user.name = "\u202eسارة"
    owner.user.save()
    page.post(
        reverse("organizations:new_team"), {"name": "Team", "lead": str(owner.pk), "members": []}
    )
    text = page.get(reverse("organizations:teams")).content.decode()
    assert "led by <bdi>سارة</bdi>" in text


def test_widgets_claims_are_normalized(widget: Widget) -> None:
    body = {
        "site_key": widget.site_key,
        "identity": {"name": "\u202eVu\u0303\u200b", "email": "Kim@XN--E1AFMKFD.example"},
    }
    answer = Client().post(
        "/api/v1/widget/sessions", json.dumps(body), content_type="application/json"
    )
    assert answer.status_code == 201, answer.content
    claimed = widget.organization.customers.get().claimed
    assert claimed == {"name": "Vũ", "email": "kim@пример.example"}
