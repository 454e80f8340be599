"""Entry 17: an edit names the version that it was made from; a conflict shows both sides."""

from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from chat.models import Conversation, Widget
from crm.authentication.models import SecuritySettings
from crm.core.versions import EditedMeanwhile
from crm.customers.models import Customer
from crm.organizations.models import CustomRole, Membership, Organization, Team
from crm.organizations.services.roles import create_role
from crm.organizations.services.teams import create_team
from knowledge.models import Faq, FaqCategory
from tests.api.conftest import Api, api
from tests.forms.browsers import browser, form_of, forms_of

__all__ = ["api"]


def test_two_people_save_one_faq_and_neither_text_is_lost(faq: Faq, owner: Membership) -> None:
    page = f"/app/knowledge/{faq.pk}/edit/"
    one, two = browser(owner), browser(owner)
    first, second = form_of(one.get(page), "question"), form_of(two.get(page), "question")
    assert one.post(page, first | {"answer": "Yes, in three days."}).status_code == 302
    met = two.post(page, second | {"answer": "Only to Hanoi."})
    assert met.status_code == 409
    text = met.content.decode()
    assert "Only to Hanoi." in text
    assert "Yes, in three days." in text
    faq.refresh_from_db()
    assert faq.answer == "Yes, in three days."
    # Saved once more, knowingly, mine holds.
    again = form_of(met, "question")
    assert again["answer"] == ["Only to Hanoi."]
    assert two.post(page, again).status_code == 302
    faq.refresh_from_db()
    assert faq.answer == "Only to Hanoi."


def test_edits_of_different_fields_are_both_kept(faq: Faq, owner: Membership) -> None:
    page = f"/app/knowledge/{faq.pk}/edit/"
    one, two = browser(owner), browser(owner)
    first, second = form_of(one.get(page), "question"), form_of(two.get(page), "question")
    del first["is_published"]
    one.post(page, first)
    met = two.post(page, second | {"question": "Do you ship abroad?"})
    assert met.status_code == 409
    merged = form_of(met, "question")
    assert "is_published" not in merged
    assert two.post(page, merged).status_code == 302
    faq.refresh_from_db()
    assert (faq.question, faq.is_published) == ("Do you ship abroad?", False)
    assert faq.answer == "Yes.\nWithin a week."


def test_a_form_that_was_refused_keeps_the_version_it_was_made_from(
    faq: Faq, owner: Membership
) -> None:
    page = f"/app/knowledge/{faq.pk}/edit/"
    one, two = browser(owner), browser(owner)
    second = form_of(two.get(page), "question")
    one.post(page, form_of(one.get(page), "question") | {"answer": "Theirs."})
    refused = two.post(page, second | {"answer": ""})
    assert refused.status_code == 422
    assert two.post(page, form_of(refused, "question") | {"answer": "Mine."}).status_code == 409


@pytest.mark.parametrize("action", ["delete", "hide"])
def test_a_decision_about_an_older_faq_is_not_carried_out(
    faq: Faq, owner: Membership, action: str
) -> None:
    page = f"/app/knowledge/{faq.pk}/edit/"
    client = browser(owner)
    old = faq.version
    client.post(page, form_of(client.get(page), "question") | {"answer": "New."})
    sent = {"action": action, "rows": f"{faq.pk}:{old}"}
    answer = client.post("/app/knowledge/bulk/run/", sent, follow=True)
    assert "Somebody changed it meanwhile." in answer.content.decode()
    faq.refresh_from_db()
    assert (faq.deleted_at, faq.is_published) == (None, True)


def _saved_twice(client: Client, page: str, having: str, first: Any, second: Any) -> Any:
    shown = form_of(client.get(page), having)
    later = dict(shown)
    assert client.post(page, shown | {having: first}).status_code == 302
    return client.post(page, later | {having: second})


def test_every_edit_form_shows_a_conflict(owner: Membership, organization: Organization) -> None:
    client = browser(owner)
    role = create_role(by=owner, name="Night", copied_from="agent")
    team = create_team(by=owner, name="North", lead_id=None, member_ids=[])
    for page, field, first, second in (
        ("/app/settings/profile/", "name", "Olga One", "Olga Two"),
        ("/app/settings/organization/", "name", "Sunbean One", "Sunbean Two"),
        ("/app/settings/log-in-rules/", "session_hours", "8", "24"),
        (f"/app/settings/roles/{role.pk}/", "name", "Night One", "Night Two"),
        (f"/app/settings/teams/{team.pk}/", "name", "North One", "North Two"),
    ):
        met = _saved_twice(client, page, field, first, second)
        assert met.status_code == 409, page
        assert client.post(page, form_of(met, field)).status_code == 302, page
    owner.user.refresh_from_db()
    organization.refresh_from_db()
    assert owner.user.name == "Olga Two"
    assert organization.name == "Sunbean Two"
    assert SecuritySettings.objects.get().session_hours == 24
    assert CustomRole.objects.get().name == "Night Two"
    assert Team.objects.get().name == "North Two"


def test_every_edit_form_that_is_sent_twice_is_answered_as_the_first_time(
    owner: Membership, agent: Membership, organization: Organization, faq: Faq, widget: Widget
) -> None:
    client = browser(owner)
    role = create_role(by=owner, name="Night", copied_from="agent")
    team = create_team(by=owner, name="North", lead_id=None, member_ids=[])
    for page, field, value in (
        ("/app/settings/profile/", "name", "Olga One"),
        ("/app/settings/organization/", "name", "Sunbean One"),
        ("/app/settings/log-in-rules/", "session_hours", "8"),
        ("/app/settings/notifications/", "email_after_minutes", "30"),
        (f"/app/settings/roles/{role.pk}/", "name", "Night One"),
        (f"/app/settings/teams/{team.pk}/", "name", "North One"),
        (f"/app/settings/widgets/{widget.pk}/", "name", "Shop One"),
        (f"/app/knowledge/{faq.pk}/edit/", "question", "Do you ship?"),
    ):
        sent = form_of(client.get(page), field) | {field: value}
        answers = [client.post(page, sent) for _time in range(2)]
        assert [each.status_code for each in answers] == [302, 302], page
        assert answers[0]["Location"] == answers[1]["Location"]
    path = f"/app/settings/members/{agent.pk}/role/"
    for _time in range(2):
        answer = client.post(
            path, {"role": "viewer", "_version": agent.version, "_once": "one"}, follow=True
        )
        assert "was not saved" not in answer.content.decode()


def test_a_team_and_a_role_that_were_changed_meanwhile_are_not_deleted(owner: Membership) -> None:
    team = create_team(by=owner, name="Night", lead_id=None, member_ids=[])
    role = create_role(by=owner, name="Helper", copied_from="agent")
    client = browser(owner)
    for row, page in (
        (team, f"/app/settings/teams/{team.pk}/"),
        (role, f"/app/settings/roles/{role.pk}/"),
    ):
        answer = client.get(page)
        (form,) = [each for each in forms_of(answer) if str(each["action"]).endswith("delete/")]
        type(row).objects.get(pk=row.pk).save()
        refused = client.post(form["action"], form["fields"], follow=True)
        assert "It was not deleted; look again." in refused.content.decode()
        assert client.post(form["action"], {"_version": row.version + 1}).status_code == 302
        assert not type(row).objects.exists()


def test_two_who_fill_an_empty_team_are_both_kept(
    owner: Membership, agent: Membership, colleague: Membership
) -> None:
    team = create_team(by=owner, name="Night", lead_id=None, member_ids=[])
    page = f"/app/settings/teams/{team.pk}/"
    one, two = browser(owner), browser(owner)
    first, second = form_of(one.get(page), "name"), form_of(two.get(page), "name")
    assert one.post(page, first | {"members": [agent.pk]}).status_code == 302
    met = two.post(page, second | {"members": [colleague.pk]})
    assert (met.status_code, met.context["form"].conflicts) == (409, [])
    assert two.post(page, form_of(met, "name")).status_code == 302
    assert set(team.members.all()) == {agent, colleague}


def test_a_role_that_was_changed_meanwhile_is_not_changed_again(
    owner: Membership, agent: Membership
) -> None:
    client = browser(owner)
    path = f"/app/settings/members/{agent.pk}/role/"
    old = agent.version
    client.post(path, {"role": "viewer", "_version": old})
    answer = client.post(path, {"role": "admin", "_version": old}, follow=True)
    assert "Administrator” was not saved" in answer.content.decode()
    agent.refresh_from_db()
    assert agent.role == "viewer"


def test_a_category_that_was_renamed_meanwhile_is_not_renamed_again(
    owner: Membership, organization: Organization
) -> None:
    category = FaqCategory.objects.create(organization=organization, name="Coffee", slug="coffee")
    client = browser(owner)
    path = f"/app/knowledge/categories/{category.pk}/rename/"
    begun = {"_version": 1, "initial-name": "Coffee", "initial-name-vi": "", "initial-name-ru": ""}
    client.post(path, begun | {"name": "Beans", "name-vi": "Hạt", "name-ru": ""})
    mine = begun | {"name": "Roasts", "name-vi": "", "name-ru": "Обжарка"}
    answer = client.post(path, mine)
    assert answer.status_code == 409
    (row,) = [form for each, form in answer.context["rows"] if each == category]
    assert [(each["mine"], each["theirs"]) for each in row.conflicts] == [("Roasts", "Beans")]
    # What only one of the two changed is merged.
    values = {name: row[name].value() for name in ("name", "name-vi", "name-ru")}
    assert values == {"name": "Roasts", "name-vi": "Hạt", "name-ru": "Обжарка"}
    assert client.post(path, values | {"_version": row.edited_version}).status_code == 302
    category.refresh_from_db()
    assert (category.name, category.names) == ("Roasts", {"vi": "Hạt", "ru": "Обжарка"})


def test_a_refused_name_of_a_category_stays_in_its_field(
    owner: Membership, organization: Organization
) -> None:
    category = FaqCategory.objects.create(organization=organization, name="Coffee", slug="coffee")
    FaqCategory.objects.create(organization=organization, name="Tea", slug="tea")
    client = browser(owner)
    path = f"/app/knowledge/categories/{category.pk}/rename/"
    answer = client.post(path, {"name": "TEA", "name-vi": "Trà", "_version": 1})
    assert answer.status_code == 409
    (row,) = [form for each, form in answer.context["rows"] if each == category]
    assert (row["name"].value(), row["name-vi"].value()) == ("TEA", "Trà")
    assert "There is a category of this name already." in answer.content.decode()
    # The address of the refusal leads to the list.
    assert client.get(path)["Location"] == "/app/knowledge/categories/"


def test_an_instance_that_went_stale_is_never_written(customer: Customer) -> None:
    stale = Customer.objects.get(pk=customer.pk)
    customer.name = "First"
    customer.save()
    stale.name = "Second"
    with pytest.raises(EditedMeanwhile) as refusal, transaction.atomic():
        stale.save()
    assert refusal.value.extra == {"version": 1, "current_version": 2}
    assert Customer.objects.get(pk=customer.pk).name == "First"


# --- The API --------------------------------------------------------------------------------------


def test_a_hidden_faq_stays_hidden_while_its_answer_is_patched(faq: Faq, api: Api) -> None:
    path = f"/api/v1/knowledge/faqs/{faq.pk}"
    tag = api.get(path)["ETag"]
    assert tag == f'"v{faq.version}"'
    hidden = api.patch(path, {"is_published": False}, If_Match=tag)
    assert hidden["ETag"] != tag
    refused = api.patch(path, {"answer": "New."}, If_Match=tag)
    assert (refused.status_code, refused.json()["code"]) == (412, "precondition_failed")
    assert refused.json()["current_version"] == faq.version + 1
    # Without the header only what is sent is written.
    assert api.patch(path, {"answer": "New."}).json()["is_published"] is False


def test_every_record_of_the_api_has_an_etag_and_honours_if_match(
    faq: Faq, customer: Customer, conversation: Conversation, api: Api
) -> None:
    for path, body in (
        (f"/api/v1/knowledge/faqs/{faq.pk}", {"answer": "A"}),
        (f"/api/v1/customers/{customer.pk}", {"name": "A"}),
        (f"/api/v1/conversations/{conversation.pk}", {"labels": ["a"]}),
        ("/api/v1/organization", {"name": "A"}),
    ):
        shown = api.get(path)
        assert shown.status_code == 200, path
        changed = api.patch(path, body, If_Match=shown["ETag"])
        assert changed.status_code == 200, (path, changed.content)
        again = api.patch(path, body, If_Match=shown["ETag"])
        assert again.status_code == 412, path
        assert api.patch(path, body, If_Match=changed["ETag"]).status_code == 200
        assert api.patch(path, body, If_Match="*").status_code == 200
        bad = api.patch(path, body, If_Match="old")
        assert (bad.status_code, bad.json()["code"]) == (400, "if_match_invalid"), path


def test_a_faq_that_was_changed_is_not_deleted_by_its_old_etag(faq: Faq, api: Api) -> None:
    path = f"/api/v1/knowledge/faqs/{faq.pk}"
    tag = api.get(path)["ETag"]
    api.patch(path, {"answer": "New."})
    assert api.delete(path, If_Match=tag).status_code == 412
    assert api.delete(path).status_code == 204


def test_a_message_does_not_change_the_etag_of_the_labels(
    conversation: Conversation, api: Api
) -> None:
    path = f"/api/v1/conversations/{conversation.pk}"
    tag = api.get(path)["ETag"]
    posted = api.post(f"{path}/messages", {"type": "note", "text": "Look at this."})
    assert posted.status_code == 201
    assert api.get(path)["ETag"] == tag


@pytest.mark.parametrize("version", ["", "abc", "-1", "9" * 30])
def test_an_edit_whose_version_cannot_be_read_overwrites_nothing(
    faq: Faq, owner: Membership, version: str
) -> None:
    client = browser(owner)
    page = f"/app/knowledge/{faq.pk}/edit/"
    sent = form_of(client.get(page), "question") | {"answer": "Other.", "_version": version}
    assert client.post(page, sent).status_code == 409
    assert Faq.objects.get(pk=faq.pk).answer == faq.answer
