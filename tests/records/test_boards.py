"""Boards beyond what every record's battery asks: spreading, owners, indexes."""

import pytest

from crm.core import tenancy
from crm.core.database.owner import as_owner
from crm.core.errors import Forbidden, InvalidField, NotFound
from crm.core.ids import uuid7
from crm.core.records import ListState, get_record
from crm.core.records.boards import columns_of, move_card
from crm.core.text.ranks import RANK_LENGTH
from crm.organizations.models import CustomRole, Membership, Organization
from tests.umbrellas.models import Umbrella

pytestmark = pytest.mark.django_db
UMBRELLAS = get_record("umbrellas")


def umbrella(organization: Organization, name: str, **values: object) -> Umbrella:
    return Umbrella.objects.create(organization=organization, name=name, **values)


def names(reader: Membership, key: str) -> list[str]:
    columns = {each.key: each for each in columns_of(ListState(UMBRELLAS), reader)}
    return [row.name for row in columns[key].page.rows]


def test_a_column_without_room_is_spread_and_keeps_its_order(
    organization: Organization, owner: Membership
) -> None:
    rank = "1" * RANK_LENGTH
    for number, name in enumerate("ABC"):
        umbrella(organization, name, board_rank=f"{rank[:-1]}{number + 1}")
    moved = umbrella(organization, "M", color="yellow")
    above = Umbrella.objects.get(name="A")
    move_card(by=owner, record=UMBRELLAS, pk=moved.pk, column="black", after=above.pk)
    assert names(owner, "black") == ["A", "M", "B", "C"]
    longest = max(Umbrella.objects.values_list("board_rank", flat=True), key=len)
    assert len(longest) < 20


def test_a_move_within_a_column_is_a_change_but_no_news(
    organization: Organization, owner: Membership
) -> None:
    first, second = (umbrella(organization, name) for name in "AB")
    move_card(by=owner, record=UMBRELLAS, pk=second.pk, column="black", after=first.pk, version=1)
    assert names(owner, "black") == ["A", "B"]
    changed = second.updated_at
    second.refresh_from_db()
    assert (second.version, second.updated_at) == (2, changed)


def test_a_card_that_left_the_column_meanwhile_counts_as_its_top(
    organization: Organization, owner: Membership
) -> None:
    first, second = (umbrella(organization, name) for name in "AB")
    elsewhere = umbrella(organization, "C", color="yellow")
    for after in (elsewhere.pk, uuid7(), first.pk):
        move_card(by=owner, record=UMBRELLAS, pk=first.pk, column="black", after=after)
        assert names(owner, "black") == ["A", "B"]
    assert second.version == 1


def test_a_total_is_of_what_matches_and_of_what_the_reader_may_see(
    organization: Organization,
    owner: Membership,
    agent: Membership,
    stranger_organization: Organization,
) -> None:
    umbrella(organization, "Mine", ribs=8, owner=agent.user)
    umbrella(organization, "Theirs", ribs=16, owner=owner.user)
    umbrella(stranger_organization, "Foreign", ribs=100)
    assert columns_of(ListState(UMBRELLAS), owner)[0].total == "24"
    agent.custom_role = CustomRole.objects.create(
        organization=organization,
        name="Own",
        grants={"customers": {"read": "own", "write": "own"}},
    )
    agent.save()
    (column, _other) = columns_of(ListState(UMBRELLAS), agent)
    assert (column.count, column.total) == (1, "8")


def test_each_card_asks_for_its_own_permission(
    organization: Organization, owner: Membership, agent: Membership, stranger: Membership
) -> None:
    theirs = umbrella(organization, "Theirs", owner=owner.user)
    agent.custom_role = CustomRole.objects.create(
        organization=organization,
        name="Reads all, changes own",
        grants={"customers": {"read": "all", "write": "own"}},
    )
    agent.save()
    with pytest.raises(Forbidden):
        move_card(by=agent, record=UMBRELLAS, pk=theirs.pk, column="yellow")
    with pytest.raises(NotFound):
        move_card(by=stranger, record=UMBRELLAS, pk=theirs.pk, column="yellow")
    with pytest.raises(InvalidField):
        move_card(by=owner, record=UMBRELLAS, pk=theirs.pk, column="red")


@pytest.mark.django_db(transaction=True)
def test_a_column_is_read_from_its_index(
    organization: Organization, stranger_organization: Organization, owner: Membership
) -> None:
    for each in (organization, stranger_organization):
        Umbrella.objects.bulk_create(
            Umbrella(organization=each, name=f"No. {number}", color=("black", "yellow")[number % 2])
            for number in range(2_500)
        )
    with as_owner() as outer, outer.cursor() as cursor:
        cursor.execute("ANALYZE umbrellas_umbrella")
    with tenancy.organization(organization.pk):
        rows = UMBRELLAS.visible_to(owner).filter(color="black")
        plan = rows.order_by("board_rank", "pk")[:21].explain()
        assert "umbrellas_by_place" in plan, plan
        assert "Sort" not in plan, plan
        assert columns_of(ListState(UMBRELLAS), owner)[0].count == 1_250
