"""Saved views: own and shared, changed by whom they belong to, undone after a deletion."""

import json
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from crm.core.errors import Forbidden
from crm.core.models import SavedView
from crm.core.permissions import NO_RIGHTS, ApiKeyPrincipal
from crm.core.records import ListState, get_record, parse_json, saved_views
from crm.core.records.saved_views import (
    SavedViewNameTaken,
    SavedViewNotFound,
    SavedViewNotYours,
    TooManySavedViews,
    create_view,
    delete_view,
    set_default_view,
    update_view,
    views_of,
)
from crm.core.undo.services import UndoImpossible, undo
from crm.core.versions import EditedMeanwhile
from crm.customers.models import Customer
from crm.organizations.models import Membership

pytestmark = pytest.mark.django_db

CUSTOMERS = get_record("customers")
LIST = "/app/customers/"
STATE = ListState(
    CUSTOMERS,
    where=parse_json(CUSTOMERS, {"field": "email", "op": "filled"}),
    search="an",
    sort="-name",
    columns=("name", "email"),
)


def save(by: Membership, name: str = "With email", *, is_shared: bool = False) -> SavedView:
    return create_view(by=by, state=STATE, name=name, is_shared=is_shared)


def labels(by: Membership) -> list[str]:
    return [view.label for view in views_of(by, CUSTOMERS) if view.saved]


def test_a_view_keeps_filter_search_order_and_columns(owner: Membership) -> None:
    saved = save(owner)
    (view,) = [view for view in views_of(owner, CUSTOMERS) if view.saved]
    assert view.is_mine
    assert view.state == ListState(
        CUSTOMERS, STATE.where, STATE.search, STATE.sort, STATE.columns, str(saved.pk)
    )


def test_only_shared_views_are_others(
    owner: Membership, agent: Membership, stranger: Membership
) -> None:
    save(owner, "Mine")
    save(owner, "Ours", is_shared=True)
    assert labels(owner) == ["Mine", "Ours"]
    assert labels(agent) == ["Ours"]
    assert labels(stranger) == []


def test_a_view_of_others_is_not_there_and_a_shared_one_is_read_only(
    owner: Membership, agent: Membership, stranger: Membership
) -> None:
    private, shared = save(owner, "Mine"), save(owner, "Ours", is_shared=True)
    for view, by, error in (
        (private, agent, SavedViewNotFound),
        (shared, agent, SavedViewNotYours),
        (shared, stranger, SavedViewNotFound),
    ):
        with pytest.raises(error):
            update_view(by=by, record=CUSTOMERS, view_id=view.pk, version=None, name="Taken over")
        with pytest.raises(error):
            delete_view(by=by, record=CUSTOMERS, view_id=view.pk)
    # Who manages the settings keeps the shared views in order.
    of_agent = save(agent, "Of an agent", is_shared=True)
    update_view(
        by=owner, record=CUSTOMERS, view_id=of_agent.pk, version=of_agent.version, name="In order"
    )
    assert "In order" in labels(agent)


def test_shared_views_of_others_do_not_hide_ones_own(
    owner: Membership, agent: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_views, "MAX_SHARED", 1)
    for number in range(3):
        save(agent, f"Shared {number}", is_shared=True)
    save(owner, "Mine")
    assert labels(owner) == ["Shared 0", "Mine"]


def test_whoever_manages_views_keeps_to_their_owners_names(
    owner: Membership, agent: Membership
) -> None:
    save(owner, "Twin")
    theirs = save(agent, "Twin", is_shared=True)
    with pytest.raises(SavedViewNotYours):
        update_view(by=owner, record=CUSTOMERS, view_id=theirs.pk, version=None, is_shared=False)
    _deleted, action_id = delete_view(by=owner, record=CUSTOMERS, view_id=theirs.pk)
    assert action_id
    undo(by=owner, action_id=action_id)
    assert "Twin" in labels(agent)


def test_names_are_told_apart_as_people_read_them(owner: Membership, agent: Membership) -> None:
    save(owner, "Leads")
    for name in ("leads", "Leads\u200b", " LEADS "):
        with pytest.raises(SavedViewNameTaken):
            save(owner, name)
    other = save(owner, "Deals")
    with pytest.raises(SavedViewNameTaken):
        update_view(by=owner, record=CUSTOMERS, view_id=other.pk, version=None, name="LEADS")
    save(agent, "Leads")


def test_an_edit_of_an_older_version_is_a_conflict(owner: Membership) -> None:
    view = save(owner)
    update_view(by=owner, record=CUSTOMERS, view_id=view.pk, version=view.version, name="Renamed")
    with pytest.raises(EditedMeanwhile):
        update_view(by=owner, record=CUSTOMERS, view_id=view.pk, version=view.version, name="Again")


def test_there_is_an_end_of_views(owner: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_views, "MAX_VIEWS", 2)
    save(owner, "One")
    save(owner, "Two")
    with pytest.raises(TooManySavedViews):
        save(owner, "Three")


def test_a_deletion_is_undone_unless_the_name_was_taken(owner: Membership) -> None:
    view = save(owner, "Leads")
    _deleted, action_id = delete_view(by=owner, record=CUSTOMERS, view_id=view.pk)
    assert action_id
    undo(by=owner, action_id=action_id)
    assert labels(owner) == ["Leads"]
    _deleted, action_id = delete_view(by=owner, record=CUSTOMERS, view_id=view.pk)
    assert action_id
    save(owner, "leads")
    with pytest.raises(UndoImpossible):
        undo(by=owner, action_id=action_id)


def test_a_key_has_no_views(owner: Membership) -> None:
    key = ApiKeyPrincipal(owner.organization_id, owner.rights, key_id="k")
    with pytest.raises(SavedViewNotYours):
        create_view(by=key, state=STATE, name="Of a key", is_shared=True)
    powerless = ApiKeyPrincipal(owner.organization_id, NO_RIGHTS, key_id="k")
    with pytest.raises(Forbidden):
        create_view(by=powerless, state=STATE, name="Of a key", is_shared=True)


def test_what_a_view_names_and_is_gone_is_left_out(owner: Membership) -> None:
    view = save(owner)
    stored = {"where": {"field": "shoe_size", "op": "is", "value": "44"}, "sort": "shoe_size"}
    SavedView.objects.filter(pk=view.pk).update(state=stored | {"columns": ["name"]})
    (shown,) = [view for view in views_of(owner, CUSTOMERS) if view.saved]
    assert not shown.state.where
    assert shown.state.effective_sort == "-created_at"
    assert [field.name for field in shown.state.shown_columns] == ["name"]


# --- Pages ----------------------------------------------------------------------------------------


def told(answer: Any) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def post(browser: Client, do: str, **fields: Any) -> Any:
    return browser.post(f"{LIST}views/", {"do": do, **fields})


def test_a_list_that_was_changed_is_saved_and_opened_by_default(
    browser: Client, owner: Membership
) -> None:
    Customer.objects.create(organization=owner.organization, name="An", email="an@shop.example")
    changed = browser.get(LIST, {"email__filled": "true", "sort": "name"})
    assert changed.context["is_changed"]
    created = post(
        browser, "create", state=changed.context["stored_json"], name="Reachable", is_shared="on"
    )
    view = SavedView.objects.get()
    assert view.is_shared
    assert created["Location"] == f"{LIST}?view={view.pk}"
    page = browser.get(created["Location"])
    assert not page.context["is_changed"]
    assert page.context["state"].sort == "name"
    assert browser.get(LIST).context["active_view"].key != str(view.pk)
    browser.post(f"{LIST}views/default/", {"view": str(view.pk)})
    assert browser.get(LIST).context["active_view"].key == str(view.pk)
    # Another one is an address away, and from there the filter can be taken out.
    assert browser.get(LIST, {"view": "all"}).context["active_view"].key == "all"
    assert not browser.get(LIST, {"view": str(view.pk), "all": "true"}).context["state"].where
    delete_view(by=owner, record=CUSTOMERS, view_id=view.pk)
    assert browser.get(LIST).status_code == 200


def test_what_changed_is_stored_in_the_view_itself(browser: Client, owner: Membership) -> None:
    view = save(owner)
    state = json.dumps({"where": {"all": []}, "sort": "name", "columns": ["name"], "search": ""})
    version = {"view": str(view.pk), "_version": str(view.version)}
    post(browser, "update", state=state, **version)
    view.refresh_from_db()
    assert view.state["sort"] == "name"
    stale = post(browser, "rename", name="Later", state=state, **version)
    assert stale.status_code == 409
    assert "while you were editing" in stale.content.decode()
    version["_version"] = str(view.version)
    post(browser, "rename", name="Later", state=state, **version)
    view.refresh_from_db()
    assert view.name == "Later"
    # A page that shows an older version deletes nothing.
    browser.post(f"{LIST}views/{view.pk}/delete/", {"_version": "1"})
    assert SavedView.objects.exists()
    deleted = browser.post(f"{LIST}views/{view.pk}/delete/", {"_version": str(view.version)})
    assert "Later" in told(deleted)
    assert not SavedView.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"do": "nothing"},
        {"do": "create", "name": "", "state": "{}"},
        {"do": "create", "name": "x" * 61, "state": "{}"},
        {"do": "create", "name": "x", "state": "{"},
        {"do": "create", "name": "x", "state": "[]"},
        {"do": "create", "name": "x", "state": f'{{"sort": "{"x" * 20_000}"}}'},
        {"do": "create", "name": "x"},
        {"do": "update", "view": "nonsense", "state": "{}"},
        {"do": "update", "view": "01890000-0000-7000-8000-000000000000", "state": "{}"},
    ],
)
def test_what_cannot_be_saved_is_said_and_nothing_is_stored(
    browser: Client, fields: dict[str, str]
) -> None:
    answer = browser.post(f"{LIST}views/", fields)
    is_understood = fields.get("do") == "create" and fields.get("state") == "{}"
    missing = fields.get("view", "").startswith("0189")
    assert answer.status_code == (422 if is_understood else 404 if missing else 400)
    assert not SavedView.objects.exists()


def test_a_refused_name_leaves_the_page_as_it_was(browser: Client, owner: Membership) -> None:
    save(owner, "Leads")
    listed = browser.get(LIST, {"view": "all", "email__filled": "true", "q": "minh"})
    state = listed.context["stored_json"]
    for name, status in (("leads", 409), ("\u200b", 422), ("x" * 61, 422)):
        refused = post(browser, "create", state=state, name=name, view="all", is_shared="on")
        assert refused.status_code == status
        assert refused.context["refused"].reason in refused.content.decode()
        assert refused.context["refused"].name == name
        assert refused.context["stored_json"] == state


@pytest.mark.parametrize("letter", ["\\u0000", "\\ud800"])
def test_letters_that_no_store_takes_are_not_kept_in_a_view(browser: Client, letter: str) -> None:
    state = f'{{"search": "a{letter}b"}}'
    assert post(browser, "create", state=state, name="Odd").status_code == 302
    assert SavedView.objects.get().state["search"] == "ab"
    assert browser.get(LIST, {"q": "a\0b"}).context["state"].search == "ab"


def test_a_default_that_is_not_there_is_refused(browser: Client, agent: Membership) -> None:
    private = save(agent, "Private")
    for key in ("", "nothing", str(private.pk)):
        assert browser.post(f"{LIST}views/default/", {"view": key}).status_code == 404
    with pytest.raises(SavedViewNotFound):
        set_default_view(by=agent, record=CUSTOMERS, key="nothing")
    assert reverse("customers:default_view") == f"{LIST}views/default/"


def test_a_view_that_is_not_theirs_is_said_above_the_list(
    browser: Client, agent: Membership
) -> None:
    private = save(agent)
    for address, is_said in ({"view": str(private.pk), "q": "a"}, True), ({"view": "all"}, False):
        shown = browser.get(LIST, address)
        text = shown.content.decode()
        assert (shown.status_code, SavedViewNotFound.message in text) == (200, is_said)


def test_a_refused_filter_stands_in_the_dialog_with_the_name_of_its_field(browser: Client) -> None:
    where = {
        "any": [
            {"field": "name", "op": "is", "value": "Vũ Khánh Toàn"},
            {"all": [{"field": "stage", "op": "in", "value": ["customer"]}]},
        ]
    }
    for sent, told, reason in (
        ({"created_at__gte": "0026-01-05"}, where, "Created: The field"),
        ({"name__is": "\u200b"}, where, "Name: The field"),
        ({}, {"all": [where["any"][0]] * 31}, "at most 30 conditions"),
        ({"stage__nothing": "x", "gone__is": "x"}, where, "Stage: The field"),
    ):
        refused = browser.get(LIST, {"where": json.dumps(told), **sent})
        assert refused.status_code == 400
        assert reason in refused.content.decode()
        conditions = [
            {"field": name, "op": op, "value": value}
            for (name, op), value in ((key.split("__"), value) for key, value in sent.items())
            if op != "nothing" and name != "gone"
        ]
        drawn = refused.context["filter_data"]
        assert drawn["where"] == ({"all": [told, *conditions]} if conditions else told)
        assert "refused" in drawn
    for text in ("{", "[]", '{"all": [7, {"field": ["a"]}]}'):
        refused = browser.get(LIST, {"where": text})
        assert (refused.status_code, refused.context["filter_data"]["where"]) == (400, {"all": []})


def test_a_conflict_shows_what_was_saved_and_a_refused_name_keeps_its_tick(
    browser: Client, owner: Membership
) -> None:
    view = save(owner)
    save(owner, "Taken")
    state = json.dumps({"where": {"all": []}})
    stale = post(browser, "update", state=state, view=str(view.pk), _version="0")
    assert "Email address is filled in" in stale.content.decode()
    fields = {"view": str(view.pk), "_version": str(view.version), "name": "taken", "state": state}
    refused = post(browser, "rename", is_shared="on", **fields).content.decode()
    assert 'name="is_shared" checked' in refused.partition('id="view-rename"')[2]


def test_a_shared_view_is_changed_by_who_manages_the_settings(
    browser: Client, agent: Membership
) -> None:
    shared = save(agent, is_shared=True)
    page = browser.get(LIST, {"view": str(shared.pk)})
    text = page.content.decode().partition('id="view-rename"')[2]
    assert '<input type="hidden" name="is_shared" value="on">' in text
    fields = {"view": str(shared.pk), "_version": str(shared.version), "is_shared": "on"}
    post(browser, "rename", name="Ours", state="{}", **fields)
    shared.refresh_from_db()
    assert (shared.name, shared.is_shared) == ("Ours", True)


def test_view_of_a_filter_that_cannot_be_used_is_not_saved(
    client: Client, owner: Membership
) -> None:
    client.force_login(owner.user)
    state = {"where": {"field": "nothing", "op": "is", "value": "x"}}
    sent = {"do": "create", "name": "Mine", "state": json.dumps(state)}
    refused = client.post(f"{LIST}views/", sent, headers={"Accept": "application/json"})
    assert (refused.status_code, refused.json()["code"]) == (400, "filter_invalid")
    assert not SavedView.objects.exists()


def test_a_view_of_another_list_is_not_there(owner: Membership, browser: Client) -> None:
    faqs = get_record("faqs")
    view = create_view(by=owner, state=ListState(faqs), name="Of FAQs", is_shared=False)
    sent = {"view": str(view.pk), "_version": str(view.version), "name": "Taken", "state": "{}"}
    for do in ("update", "rename"):
        browser.post(f"{LIST}views/", sent | {"do": do})
    assert browser.post(f"{LIST}views/{view.pk}/delete/", sent).status_code == 404
    view.refresh_from_db()
    assert (view.name, view.record, view.state) == ("Of FAQs", "faqs", ListState(faqs).stored())
    with pytest.raises(SavedViewNotFound):
        update_view(by=owner, record=CUSTOMERS, view_id=view.pk, version=view.version, name="Taken")
    with pytest.raises(SavedViewNotFound):
        delete_view(by=owner, record=CUSTOMERS, view_id=view.pk)
