"""`docs/stream-protocol.md` says what the code does."""

import inspect
import json
import re
from pathlib import Path

import pytest
from django.conf import settings

from chat import errors
from chat.frames import FRAMES_IN, FRAMES_OUT, MAX_STREAMS, CloseCode, parse_frame
from chat.limits import FRAME_BURST, FRAMES_PER_SECOND
from chat.long_poll import LONGEST_WAIT
from chat.managers.messages import READ_LIMIT
from chat.models import EventKind
from chat.tickets import TICKET_SECONDS
from crm.authentication.errors import AccessEnded
from crm.core.api.exceptions import IdempotencyKeyReused
from crm.core.errors import AppError, Busy, StoreUnavailable
from crm.core.form_guard.errors import OrganizationSwitched
from crm.core.ratelimit.rates import parse_rate

CHECKOUT = Path(__file__).resolve().parent.parent.parent
TEXT = (CHECKOUT / "docs" / "stream-protocol.md").read_text()


def section(title: str) -> str:
    found = re.search(rf"^#+ {title}\n(.*?)(?=^#|\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if re.match(r"\| [`14]", line)]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def documented_frames(title: str) -> dict[str, tuple[str, ...]]:
    return {
        row[0].strip("`"): tuple(re.findall(r"`([\w?]+)`", row[1])) for row in rows(section(title))
    }


def test_every_frame_is_documented_with_its_fields() -> None:
    assert documented_frames("From the client") == FRAMES_IN
    assert documented_frames("From the server") == FRAMES_OUT


def test_every_close_code_is_documented() -> None:
    assert {int(row[0]) for row in rows(section("Closing"))} == {int(code) for code in CloseCode}


def test_every_refusal_of_a_socket_is_documented() -> None:
    documented = {
        code for row in rows(section("Refusals")) for code in re.findall(r"`(\w+)`", row[0])
    }
    elsewhere = {
        # Raised only on the other roads: HTTP sessions, services of the inbox, the bot.
        "assigned_to_human",
        "conversation_changed",
        "user_required",
        "widget_not_found",
        "widget_paused",
        "invalid_widget",
        "nothing_refused",
        "too_many_widgets",
        "origin_not_allowed",
        "visitor_unknown",
        "unknown_assignee",
        "identity_malformed",
        "identity_invalid",
        "identity_expired",
        "identity_too_long",
        "identity_used",
        "too_many_secrets",
        "secret_not_found",
        "idempotency_key_missing",
        "idempotency_key_differs",
        "message_not_found",
        "message_deleted",
        "not_a_message",
        "not_your_message",
        "amended_too_late",
        "amend_forbidden",
        "protocol",
        "batch_in_flight",
    }
    ours = {
        error.code
        for _name, error in inspect.getmembers(errors, inspect.isclass)
        if issubclass(error, AppError) and error.__module__ == errors.__name__
    }
    of_others = {
        StoreUnavailable.code,
        Busy.code,
        IdempotencyKeyReused.code,
        AccessEnded.code,
        OrganizationSwitched.code,
    }
    assert documented == (ours - elsewhere) | of_others


def test_every_number_is_the_codes() -> None:
    words = " ".join(TEXT.split())
    visitor = parse_rate(settings.RATE_LIMIT_DEFAULTS["widget_post.visitor"])
    address = parse_rate(settings.RATE_LIMIT_DEFAULTS["widget_post.address"])
    assert visitor is not None
    assert address is not None
    for fact in (
        f"within {TICKET_SECONDS} seconds",
        f"more than {READ_LIMIT} events are missing",
        f"follows at most {MAX_STREAMS} streams",
        f"may send {FRAME_BURST:.0f} frames at once and {FRAMES_PER_SECOND:.0f} a second",
        f"{visitor.burst} messages at once and {1 / visitor.interval:.0f} a second",
        f"all from one address {address.burst} and {1 / address.interval:.0f} a second",
        f"({LONGEST_WAIT:.0f} at most)",
    ):
        assert fact in words
    kinds = section("From the server")
    assert all(f"`{kind.value}`" in kinds for kind in EventKind)


@pytest.mark.parametrize("line", re.findall(r"^> (\{.*\})$", TEXT, re.MULTILINE))
def test_the_example_may_be_sent(line: str) -> None:
    assert parse_frame(line) is not None


def test_the_example_has_the_documented_members() -> None:
    frames = [json.loads(line) for line in re.findall(r"^[<>] (\{.*\})$", TEXT, re.MULTILINE)]
    assert len(frames) == 5
    for frame in frames:
        kind = frame.pop("type")
        known = (FRAMES_IN | FRAMES_OUT)[kind]
        assert set(frame) <= {name.rstrip("?") for name in known}
        assert {name for name in known if not name.endswith("?")} <= set(frame)
