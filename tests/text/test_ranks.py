"""Ranks of cards: always room between two, in order, bounded after a spread."""

import random

import pytest

from crm.core.text.ranks import RANK_LENGTH, new_rank, rank_between, spread_ranks


def test_there_is_always_room_between_two_and_at_both_ends() -> None:
    chance = random.Random(7)  # noqa: S311  which place, not a secret
    ranks = [rank_between("", None)]
    for _number in range(2_000):
        place = chance.randrange(len(ranks) + 1)
        above = ranks[place - 1] if place else ""
        below = ranks[place] if place < len(ranks) else None
        made = rank_between(above, below)
        assert above < made
        assert below is None or made < below
        assert not made.endswith("0")
        ranks.insert(place, made)
    assert ranks == sorted(set(ranks))
    assert max(map(len, ranks)) <= RANK_LENGTH


def test_neighbours_have_room_between_them() -> None:
    for above, below in (("", "1"), ("", "01"), ("1", "2"), ("1z", "2"), ("1", "11"), ("zz", None)):
        made = rank_between(above, below)
        assert above < made, (above, below)
        assert below is None or made < below, (above, below)


def test_ranks_in_the_wrong_order_are_refused() -> None:
    for above, below in (("2", "1"), ("1", "1"), ("11", "1")):
        with pytest.raises(ValueError, match="does not stand before"):
            rank_between(above, below)


def test_what_is_new_is_on_top() -> None:
    ranks = [new_rank()]
    while len(ranks) < 5:
        if (made := new_rank())[:-1] != ranks[0][:-1]:
            ranks.insert(0, made)
    assert ranks == sorted(ranks)
    assert rank_between("", ranks[0]) < ranks[0]


@pytest.mark.parametrize("count", [0, 1, 61, 5_000])
def test_a_spread_leaves_room_everywhere(count: int) -> None:
    ranks = spread_ranks(count)
    assert ranks == sorted(set(ranks))
    assert len(ranks) == count
    for above, below in zip(["", *ranks], [*ranks, None], strict=True):
        assert len(rank_between(above, below)) <= 7
