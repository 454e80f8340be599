"""What an answer tells is found in time linear in its length."""

import pytest

from knowledge.question_kinds import _TOLD_BY
from tests.costs import assert_linear


@pytest.mark.parametrize("part", ["00", "0 ", "1,"])
def test_a_long_number_is_looked_at_once(part: str) -> None:
    def look(times: int) -> None:
        assert not any(pattern.search(part * times) for pattern in _TOLD_BY.values())

    assert_linear(look, 20_000)


@pytest.mark.parametrize(
    ("text", "kind"),
    [("it is 1,200.50 usd", "price"), ("20 000 ₫", "price"), ("in 14 working days", "duration")],
)
def test_a_number_is_told_by_its_end(text: str, kind: str) -> None:
    assert _TOLD_BY[kind].search(text)
