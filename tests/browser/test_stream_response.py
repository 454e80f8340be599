"""Which answers count as the server's: tried in a browser, with answers of all kinds."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.widget_modules import STATIC

pytestmark = pytest.mark.browser

PROBLEM = (
    '{"type": "about:blank", "title": "No", "status": 409, "code": "conversation_closed",'
    ' "detail": "Closed."}'
)
ACK = (
    '{"message_id": "m", "seq": 3, "timestamp": "t", "client_message_id": "mine",'
    ' "stream": "conversation:1", "epoch": "e"}'
)
HTML = "<!doctype html><h1>Please log in to the Wi-Fi</h1>"

ASK = """
async ([status, type, body]) => {
  const { requestJson } = await import("/stream/response.js");
  const { postedMessage } = await import("/stream/shapes.js");
  const options = status === 204 ? [null, { status }] : [
    body, { status, headers: type ? { "Content-Type": type } : {} },
  ];
  const fetcher = async (_, init) => {
    if (init.redirect !== "error") throw new Error("A redirect would be followed.");
    return new Response(...options);
  };
  try {
    const answer = await requestJson("/messages", { shape: postedMessage("mine"), fetcher });
    return ["acknowledged", answer.seq];
  } catch (error) {
    return [error.name, error.code ?? null];
  }
}
"""


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((201, "application/json", ACK), ["acknowledged", 3]),
        ((200, "application/json; charset=utf-8", ACK), ["acknowledged", 3]),
        ((409, "application/problem+json", PROBLEM), ["Refused", "conversation_closed"]),
        # A captive portal, a proxy's page, an empty answer, a gateway's error.
        ((200, "text/html", HTML), ["Unreachable", None]),
        ((200, "application/json", HTML), ["Unreachable", None]),
        ((200, "text/html", ACK), ["Unreachable", None]),
        ((204, "", ""), ["Unreachable", None]),
        ((200, "application/json", ""), ["Unreachable", None]),
        ((511, "text/html", HTML), ["Unreachable", None]),
        ((502, "text/html", HTML), ["Unreachable", None]),
        ((401, "text/html", HTML), ["Unreachable", None]),
        ((403, "application/json", '{"code": "blocked", "status": 403}'), ["Unreachable", None]),
        # JSON, but not the answer to this message.
        ((200, "application/json", '{"status": "ok"}'), ["Unreachable", None]),
        ((200, "application/json", "null"), ["Unreachable", None]),
        ((200, "application/json", "[]"), ["Unreachable", None]),
        ((201, "application/json", ACK.replace("mine", "other")), ["Unreachable", None]),
        ((201, "application/json", ACK.replace("3", '"3"')), ["Unreachable", None]),
        # A problem document that somebody else wrote.
        ((409, "application/problem+json", '{"status": 409}'), ["Unreachable", None]),
        ((403, "application/problem+json", PROBLEM), ["Unreachable", None]),
        ((200, "application/problem+json", PROBLEM), ["Unreachable", None]),
    ],
)
def test_only_our_own_json_of_the_expected_shape_acknowledges(
    page: Page, answer: tuple[int, str, str], expected: list[Any]
) -> None:
    assert page.evaluate(ASK, list(answer)) == expected


@pytest.mark.parametrize(
    ("value", "shape", "fits"),
    [
        ("1", '{"a": "string"}', False),
        ('{"a": "x"}', '{"a": "string"}', True),
        ('{"a": "x", "b": 1}', '{"a": "string"}', True),
        ('{"a": null}', '{"a": "string"}', False),
        ('{"a": null}', '{"a": "string?"}', True),
        ("{}", '{"a": "string?"}', True),
        ('{"a": 1}', '{"a": "string?"}', False),
        ('{"a": []}', '{"a": "object"}', False),
        ('{"a": []}', '{"a": "array"}', True),
        ('{"a": {"b": true}}', '{"a": {"b": "boolean"}}', True),
        ('{"a": null}', '{"a": {"b": "boolean"}}', False),
    ],
)
def test_shapes_look_at_the_members_that_they_name(
    page: Page, value: str, shape: str, *, fits: bool
) -> None:
    script = (
        "async ([value, shape]) => (await import('/stream/response.js'))"
        ".matches(JSON.parse(value), JSON.parse(shape))"
    )
    assert page.evaluate(script, [value, shape]) is fits


def test_nothing_but_the_one_place_asks_a_server() -> None:
    """Elsewhere an answer would be believed for its status again."""
    asking = {
        path.relative_to(STATIC).as_posix()
        for path in STATIC.rglob("*.js")
        if "vendor" not in path.parts
        and re.search(r"\bfetch\b(?! *=)|XMLHttpRequest|sendBeacon", _code(path.read_text()))
    }
    assert asking == {"stream/response.js"}


def _code(source: str) -> str:
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", source, flags=re.DOTALL)
