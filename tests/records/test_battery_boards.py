"""What every record with a board does, asked of each that is registered."""

import re
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm.core.records import ListState, get_record, records
from crm.core.records.boards import board_field, cards_of, columns_of, move_card
from crm.core.undo.services import UndoImpossible, undo
from crm.organizations.models import Membership, Organization
from tests.api.conftest import Api
from tests.records.battery import APIS, QUERIES_OF_A_PAGE, column_keys, make

pytestmark = pytest.mark.django_db
BOARDS = sorted(record.slug for record in records() if record.board)


@pytest.mark.parametrize("slug", BOARDS)
def test_a_board_shows_each_row_once_in_the_order_that_people_gave(
    slug: str, organization: Organization, owner: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = get_record(slug)
    rows = make(record, organization, 9)
    keys = column_keys(record, owner)
    for number, row in enumerate(rows):
        move_card(by=owner, record=record, pk=row.pk, column=keys[number % 2])
    monkeypatch.setattr("crm.core.records.boards.PAGE_SIZE", 2)
    state = ListState(record)
    columns = {column.key: column for column in columns_of(state, owner)}
    assert [columns[key].count for key in keys[:2]] == [5, 4]
    for place, key in enumerate(keys[:2]):
        found, page = [], columns[key].page
        found += page.rows
        while page.next_cursor:
            page = cards_of(state, owner, key, page.next_cursor)
            found += page.rows
        # Each was put on top of the one before.
        assert [row.pk for row in found] == [row.pk for row in rows[place::2]][::-1]
    # Under a filter, a card goes behind the one that is seen, and hidden ones keep their places.
    first, second, *_rest = columns[keys[0]].page.rows
    move_card(by=owner, record=record, pk=first.pk, column=keys[0], after=second.pk)
    moved = columns_of(state, owner)[0].page.rows
    assert [row.pk for row in moved] == [second.pk, first.pk]


@pytest.mark.parametrize("slug", BOARDS)
def test_two_people_move_one_card_and_nothing_is_lost(
    slug: str, organization: Organization, browser: Client, owner: Membership, viewer: Membership
) -> None:
    record = get_record(slug)
    (row,) = make(record, organization, 1)
    field = board_field(record)
    before = str(getattr(row, field.name))
    target = next(key for key in column_keys(record, owner) if key != before)
    address = record.reverse("move", row.pk)
    moved = browser.post(address, {"column": target, "_version": str(row.version)}, follow=True)
    assert "was moved." in moved.content.decode()
    late = {"column": before, "_version": str(row.version)}
    answer = browser.post(address, late, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.json()["code"]) == (409, "edited_meanwhile")
    row.refresh_from_db()
    assert str(getattr(row, field.name)) == target
    shown = browser.post(address, late, follow=True).content.decode()
    assert "The board shows it as it is now." in shown
    found = re.search(r"/app/undo/([^/]+)/", moved.content.decode())
    assert found
    assert undo(by=owner, action_id=UUID(found[1])).text == "The card is where it was."
    row.refresh_from_db()
    assert str(getattr(row, field.name)) == before
    client = Client()
    client.force_login(viewer.user)
    assert client.post(address, {"column": target}).status_code == 403
    shown = client.get(record.board_url).content.decode()
    assert record.title_of(row) in shown
    assert "data-grip" not in shown


@pytest.mark.parametrize("slug", BOARDS)
def test_a_move_is_not_undone_over_a_later_change(
    slug: str, organization: Organization, owner: Membership
) -> None:
    record = get_record(slug)
    (row,) = make(record, organization, 1)
    keys = column_keys(record, owner)
    moved = move_card(by=owner, record=record, pk=row.pk, column=keys[1])
    move_card(by=owner, record=record, pk=row.pk, column=keys[0])
    assert moved.action_id
    with pytest.raises(UndoImpossible):
        undo(by=owner, action_id=moved.action_id)
    row.refresh_from_db()
    assert str(getattr(row, board_field(record).name)) == keys[0]


@pytest.mark.parametrize("slug", BOARDS)
def test_a_board_takes_as_many_queries_however_many_cards(
    slug: str, organization: Organization, browser: Client, owner: Membership
) -> None:
    record = get_record(slug)
    counts = []
    for count in (4, 60):
        make(record, organization, count)
        browser.get(record.board_url)
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(record.board_url).status_code == 200
        counts.append(len(queries))
    columns = len(column_keys(record, owner))
    assert counts[0] == counts[1] <= QUERIES_OF_A_PAGE + 3 + 2 * len(record.relations) + columns


@pytest.mark.parametrize("slug", BOARDS)
def test_a_board_follows_filters_views_and_addresses_like_its_list(
    slug: str, organization: Organization, browser: Client
) -> None:
    record = get_record(slug)
    rows = make(record, organization, 60)
    field = board_field(record)
    key = str(getattr(rows[0], field.name))
    for view in record.views:
        assert browser.get(record.board_url, {"view": view.key}).status_code == 200
    found = browser.get(record.board_url, {f"{field.name}__in": key})
    counts = {column["key"]: column["count"] for column in found.context["columns"]}
    assert sum(counts.values()) == counts[key]
    column = next(each for each in found.context["columns"] if each["key"] == key)
    assert len(column["cards"]) == 20
    address = found.context["list_address"]
    more = browser.get(
        f"{record.board_url}{address}&column={key}&cursor={column['next_cursor']}",
        headers={"HX-Request": "true"},
    ).content.decode()
    assert more.count('class="board-card"') == 20
    for wrong in ("?sort=nothing", "?nothing__is=1"):
        assert browser.get(f"{record.board_url}{wrong}").status_code in {200, 400}
    fragment = {"HX-Request": "true"}
    assert browser.get(f"{record.board_url}?column=no", headers=fragment).status_code == 404
    wrong = f"{record.board_url}?column={key}&cursor=x"
    assert browser.get(wrong, headers=fragment).status_code == 400


@pytest.mark.parametrize("slug", BOARDS)
def test_moves_by_the_api(
    slug: str, organization: Organization, owner: Membership, stranger: Membership
) -> None:
    record = get_record(slug)
    rows = make(record, organization, 2)
    keys = column_keys(record, owner)
    api, path = Api(owner), APIS[slug][0]
    etag = api.get(f"{path}/{rows[0].pk}")["ETag"]
    moved = api.post(f"{path}/{rows[0].pk}/move", {"column": keys[1]}, If_Match=etag)
    assert moved.status_code == 200
    assert moved["ETag"] != etag
    stale = api.post(f"{path}/{rows[0].pk}/move", {"column": keys[0]}, If_Match=etag)
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    body = {"column": keys[1], "after": str(rows[0].pk)}
    assert api.post(f"{path}/{rows[1].pk}/move", body).status_code == 200
    page = columns_of(ListState(record), owner)[1].page
    assert [row.pk for row in page.rows] == [rows[0].pk, rows[1].pk]
    for wrong in ({}, {"column": "no"}, {"column": keys[0], "after": "x"}):
        assert api.post(f"{path}/{rows[1].pk}/move", wrong).status_code == 400
    foreign = Api(stranger).post(f"{path}/{rows[1].pk}/move", {"column": keys[0]})
    assert foreign.status_code == 404


@pytest.mark.parametrize("slug", BOARDS)
def test_a_new_card_is_on_top_of_what_was_moved_there(
    slug: str, organization: Organization, owner: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = get_record(slug)
    rows = make(record, organization, 3)
    key = str(getattr(make(record, organization, 1)[0], board_field(record).name))
    for row in rows:
        move_card(by=owner, record=record, pk=row.pk, column=key)
    (second,) = make(record, organization, 1)
    # Ranks of a column without room are spread anew.
    monkeypatch.setattr("crm.core.records.boards.RANK_LENGTH", 11)
    move_card(by=owner, record=record, pk=rows[0].pk, column=key, after=second.pk)
    (first,) = make(record, organization, 1)
    column = next(each for each in columns_of(ListState(record), owner) if each.key == key)
    found = [card.pk for card in column.page.rows]
    assert found[:5] == [first.pk, second.pk, rows[0].pk, rows[2].pk, rows[1].pk]
