"""Log lines: their form, one id through everything, and nothing that must not be told."""

import asyncio
import io
import json
import logging
import re
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path

from crm.core.errors import StoreUnavailable
from crm.core.executor import run_sync
from crm.core.observability import tracing
from crm.core.observability.logging import (
    ConsoleFormatter,
    JsonFormatter,
    bind_correlation_id,
    log_work,
)
from crm.core.observability.logging_settings import logging_settings
from crm.core.observability.redaction import redact_text, redact_value
from crm.organizations.models import Membership, User
from tests.conftest import PASSWORD
from tests.operations.conftest import LogLines

logger = logging.getLogger("chat.of_a_test")

MEMBERS = ["timestamp", "level", "service", "correlation_id", "user_id", "message", "metadata"]


def failing_view(request: HttpRequest, word: str) -> HttpResponse:
    raise ValueError(f"cannot use {request.GET['email']} and {word}")


def parameters_view(request: HttpRequest, key: uuid.UUID, number: int, slug: str) -> HttpResponse:
    return HttpResponse(b"done")


urlpatterns = [
    path("fails/<str:word>/", failing_view, name="fails"),
    path("parts/<uuid:key>/<int:number>/<slug:slug>/", parameters_view, name="parts"),
    path("", include("config.urls")),
]


@pytest.fixture
def own_urls() -> Iterator[None]:
    with override_settings(ROOT_URLCONF=__name__):
        yield


def request_line(lines: list[dict[str, Any]]) -> dict[str, Any]:
    (line,) = [line for line in lines if line["metadata"].get("action") == "http.request"]
    return line


@pytest.mark.django_db
def test_a_request_leaves_one_line_of_the_documented_form(
    client: Client, log_lines: LogLines
) -> None:
    response = client.get("/login/")
    line = request_line(log_lines())
    assert list(line) == MEMBERS
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["timestamp"])
    assert line["level"] == "INFO"
    assert line["service"] == "under-test"
    assert line["correlation_id"] == response["X-Request-ID"]
    assert line["user_id"] is None
    assert line["message"] == "GET authentication:log_in: 200"
    metadata = line["metadata"]
    assert metadata["route"] == "login/"
    assert metadata["status"] == 200
    assert metadata["duration_ms"] >= 0
    assert isinstance(metadata["databases_used"], list)


def test_a_request_of_a_person_names_the_person_by_id_and_the_stores(
    client: Client, agent: Membership, log_lines: LogLines
) -> None:
    client.force_login(agent.user)
    assert client.get("/app/inbox/").status_code == 200
    line = request_line(log_lines())
    assert line["user_id"] == str(agent.user.pk)
    assert "postgresql" in line["metadata"]["databases_used"]


@pytest.mark.parametrize("header", ["X-Request-ID", "X-Correlation-ID"])
@pytest.mark.django_db
def test_a_harmless_id_of_the_caller_is_continued(
    client: Client, log_lines: LogLines, header: str
) -> None:
    response = client.get("/login/", headers={header: "order-4711.retry_2"})
    assert response["X-Request-ID"] == "order-4711.retry_2"
    assert request_line(log_lines())["correlation_id"] == "order-4711.retry_2"


@pytest.mark.parametrize(
    "given",
    [
        "short",
        "x" * 65,
        'quoted"},{"level":"x"',
        "minh@example.com-1234",
        "two words here",
        "-starts-with-a-dash",
        "línea-con-acentos",
    ],
)
@pytest.mark.django_db
def test_any_other_id_is_replaced(client: Client, log_lines: LogLines, given: str) -> None:
    response = client.get("/login/", headers={"X-Request-ID": given})
    assert re.fullmatch(r"[0-9a-f]{32}", response["X-Request-ID"])
    assert request_line(log_lines())["correlation_id"] == response["X-Request-ID"]


def test_ids_of_a_path_are_told_and_words_are_not(
    client: Client, own_urls: None, log_lines: LogLines
) -> None:
    key = uuid.uuid4()
    client.get(f"/parts/{key}/7/mail-token-abcdef/")
    metadata = request_line(log_lines())["metadata"]
    assert metadata["parameters"] == {"key": str(key), "number": 7}
    assert metadata["route"] == "parts/<uuid:key>/<int:number>/<slug:slug>/"
    assert "mail-token" not in json.dumps(log_lines())


def test_probes_do_not_fill_the_log(client: Client, log_lines: LogLines) -> None:
    client.get("/health")
    client.get("/ready")
    assert [line["level"] for line in log_lines() if "http.request" in str(line)] == ["DEBUG"] * 2


SECRETS = [
    "minh.tran@example.com",
    "correct-horse-battery-staple",
    "+84 912 345 678",
    "hunter2-in-the-query",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "nf_live_AB12cd34_s3cr3ts3cr3t",
    "Zq3vT9xKp1LmW8rYb6NcD2sFgH5jAe7U",
    "My order never came, I live at 12 Nguyen Hue",
]


@pytest.mark.django_db
def test_nothing_private_of_a_request_reaches_the_log(
    client: Client, own_urls: None, log_lines: LogLines
) -> None:
    mail, password, phone, query, jwt, key, token, text = SECRETS
    client.raise_request_exception = False
    headers = {"Authorization": f"Bearer {jwt}", "X-API-Key": key, "Cookie": f"sessionid={token}"}
    answers = [
        client.get("/fails/word/", {"email": mail, "q": query}, headers=headers),
        client.get(f"/fails/{token}/", {"email": mail}, headers=headers),
        client.get("/nothing/here/", {"email": mail, "token": token}, headers=headers),
        client.post("/api/v1/widget/sessions", {"name": mail, "text": text, "phone": phone}),
        client.post(
            "/api/v1/widget/sessions",
            json.dumps({"site_key": token, "visitor_token": jwt, "text": text}),
            content_type="application/json",
            headers=headers,
        ),
        client.get("/health", headers={"Host": f"{token}.example.com"}),
        client.post("/login/", {"username": mail, "email": mail, "password": password}),
    ]
    assert [answer.status_code for answer in answers[:3]] == [500, 500, 404]
    written = json.dumps(log_lines(), ensure_ascii=False)
    assert "ValueError" in written
    for secret in SECRETS:
        assert secret not in written


@pytest.mark.django_db
def test_a_log_in_tells_neither_address_nor_password(
    client: Client, agent: Membership, log_lines: LogLines
) -> None:
    mail = agent.user.email
    for password in ("a wrong password", PASSWORD):
        client.post("/login/", {"username": mail, "email": mail, "password": password})
    assert len(log_lines()) >= 2
    written = json.dumps(log_lines())
    for secret in (mail, PASSWORD, "a wrong password"):
        assert secret not in written


@pytest.mark.django_db
def test_what_a_database_says_of_a_persons_data_is_not_repeated(
    log_lines: LogLines, agent: Membership
) -> None:
    try:
        User.objects.create(email=agent.user.email, name="Twice")
    except IntegrityError:
        logger.exception("A person could not be stored.")
    (line,) = log_lines()
    told = line["metadata"]["exception"]
    assert told["type"] == "django.db.utils.IntegrityError"
    assert told["cause"]["type"] == "psycopg.errors.UniqueViolation"
    assert "sentence" not in told
    assert "sentence" not in told["cause"]
    assert any("test_logs.py" in frame for frame in told["frames"])
    assert agent.user.email not in json.dumps(line)


def test_what_machines_say_is_told(log_lines: LogLines) -> None:
    try:
        raise StoreUnavailable
    except StoreUnavailable:
        logger.exception("It did not work.")
    (line,) = log_lines()
    assert line["metadata"]["exception"]["sentence"].startswith("A data store does not answer.")


@pytest.mark.parametrize("secret", SECRETS[:1] + SECRETS[2:3] + SECRETS[4:7])
def test_a_careless_sentence_is_cleaned(log_lines: LogLines, secret: str) -> None:
    logger.info("Sent to %s today", secret)
    (line,) = log_lines()
    assert line["message"] == "Sent to [redacted] today"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("redis://:pa%24s@host:6379/0 is away", "redis://[redacted]@host:6379/0 is away"),
        ("postgresql://me:pw@db/name", "postgresql://[redacted]@db/name"),
        ("GET /reset?token=abc&x=1 done", "GET /reset?[redacted] done"),
        ("password=hunter2, next", "password=[redacted], next"),
        ('{"api_key": "abc", "n": 1}', '{"api_key: [redacted], "n": 1}'),
        ("Authorization: Bearer abcdef123", "Authorization: [redacted] [redacted]"),
        (
            "conversation 01972f6e-7a3c-7def-8123-456789abcdef has 3 events",
            "conversation 01972f6e-7a3c-7def-8123-456789abcdef has 3 events",
        ),
        ("Is it open? Yes.", "Is it open? Yes."),
        ("chat.answer_with_bot took 12 ms at 10:30", "chat.answer_with_bot took 12 ms at 10:30"),
    ],
)
def test_free_text_loses_only_what_is_private(text: str, cleaned: str) -> None:
    assert redact_text(text) == cleaned


def test_a_text_without_end_is_cut(log_lines: LogLines) -> None:
    logger.info("Odd value", extra={"metadata": {"value": "Ab1" * 100_000}})
    (line,) = log_lines()
    assert len(line["metadata"]["value"]) <= 2001


def test_metadata_loses_private_members_at_every_depth() -> None:
    key = uuid.uuid4()
    given = {
        "conversation_id": key,
        "seq": 7,
        "content": {"type": "text", "text": "Hello"},
        "list": [{"email": "a@b.example", "ok": True}],
        "visitor_token": "abc",
        "person": object(),
        "duration_ms": 4.5,
    }
    assert redact_value(given) == {
        "conversation_id": str(key),
        "seq": 7,
        "content": "[redacted]",
        "list": [{"email": "[redacted]", "ok": True}],
        "visitor_token": "[redacted]",
        "person": "<object>",
        "duration_ms": 4.5,
    }


def test_a_line_break_in_a_value_makes_no_second_line(log_lines: LogLines) -> None:
    logger.info("Label %s", 'x\n{"level":"CRITICAL"}', extra={"metadata": {"label": "a\nb"}})
    (line,) = log_lines()
    assert line["level"] == "INFO"
    assert line["metadata"]["label"] == "a\nb"


def test_a_sentence_with_wrong_arguments_is_still_written() -> None:
    record = logging.LogRecord("chat", logging.INFO, __file__, 1, "Count %d", ("many",), None)
    assert json.loads(JsonFormatter(service="x").format(record))["message"] == "Count %d"


def test_a_frame_of_a_socket_has_an_id_of_its_own_that_threads_continue(
    log_lines: LogLines,
) -> None:
    def work() -> None:
        tracing.record_store_use("redis")
        logger.info("In a thread.")

    async def frame() -> str:
        with bind_correlation_id(user_id="visitor:7") as trace:
            await run_sync(work)
            tracing.record_cache_use(hit=True)
            assert (trace.stores, trace.cache_hit) == ({"redis"}, True)
            return trace.correlation_id

    async def two_frames() -> list[str]:
        return list(await asyncio.gather(frame(), frame()))

    ids = asyncio.run(two_frames())
    assert len(set(ids)) == 2
    lines = log_lines()
    assert sorted(line["correlation_id"] for line in lines) == sorted(ids)
    assert {line["user_id"] for line in lines} == {"visitor:7"}
    assert tracing.current_correlation_id() is None


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(None, "done"), (StoreUnavailable(), "store_unavailable"), (KeyError("x"), "failed")],
)
def test_a_piece_of_work_leaves_a_line_however_it_ends(
    log_lines: LogLines, error: Exception | None, outcome: str
) -> None:
    def work() -> None:
        with log_work(logger, "Something was done.", action="something_done"):
            tracing.record_store_use("qdrant")
            tracing.record_cache_use(hit=False)
            if error:
                raise error

    with bind_correlation_id("frame-12345678"):
        if error:
            with pytest.raises(type(error)):
                work()
        else:
            work()
    (line,) = log_lines()
    assert line["correlation_id"] == "frame-12345678"
    assert line["metadata"]["outcome"] == outcome
    assert line["metadata"]["databases_used"] == ["qdrant"]
    assert line["metadata"]["cache_hit"] is False
    assert line["metadata"]["duration_ms"] >= 0


def test_an_id_can_be_continued_from_elsewhere() -> None:
    with bind_correlation_id("frame-12345678"):
        assert tracing.current_correlation_id() == "frame-12345678"
        with bind_correlation_id("no good"):
            assert re.fullmatch(r"[0-9a-f]{32}", tracing.current_correlation_id() or "")
        assert tracing.current_correlation_id() == "frame-12345678"


def test_libraries_never_print_statements_or_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    """At DEBUG they would, with every value in them."""
    configured = logging_settings(level="DEBUG", service="x", development=False)
    assert configured["root"]["level"] == "INFO"
    assert configured["loggers"]["chat"]["level"] == "DEBUG"
    own = {"analytics", "chat", "config", "crm", "knowledge", "marketing"}
    loud = {
        name for name, options in configured["loggers"].items() if options.get("level") == "DEBUG"
    }
    assert loud == own


@pytest.mark.parametrize(
    ("development", "terminal", "formatter"),
    [
        (True, True, "crm.core.observability.logging.ConsoleFormatter"),
        (True, False, "crm.core.observability.logging.JsonFormatter"),
        (False, True, "crm.core.observability.logging.JsonFormatter"),
    ],
)
def test_people_at_a_terminal_get_lines_for_people(
    monkeypatch: pytest.MonkeyPatch, *, development: bool, terminal: bool, formatter: str
) -> None:
    class Stream(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    monkeypatch.setattr(sys, "stderr", Stream())
    configured = logging_settings(level="INFO", service="x", development=development)
    assert configured["formatters"]["line"]["()"] == formatter


def test_an_unknown_level_does_not_keep_the_settings_from_loading() -> None:
    assert logging_settings(level="LOUD", service="x", development=False)["root"]["level"] == "INFO"


def test_the_console_line_shows_values_and_no_control_characters() -> None:
    record = logging.LogRecord(
        "chat", logging.WARNING, __file__, 1, "Odd \x1b[31m %s", ("a\nb",), None
    )
    record.metadata = {"seq": 7, "email": "a@b.example"}
    with bind_correlation_id("abcdef0123456789"):
        line = ConsoleFormatter(service="x").format(record)
    assert "[abcdef01] Odd \\x1b[31m a\\nb seq=7 email=[redacted]" in line
    assert "WARNING" in line


def test_the_installation_logs_as_documented() -> None:
    assert django_settings.LOGGING["handlers"]["stderr"]["class"] == "logging.StreamHandler"
    record = logging.LogRecord("chat", logging.INFO, __file__, 1, "Hello", None, None)
    assert json.loads(JsonFormatter(service="web-1").format(record))["service"] == "web-1"


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_refusal_by_csrf_tells_the_route_of_a_reset_link_and_not_its_key(
    method: str, log_lines: LogLines
) -> None:
    key = "d0s9x2-0123456789abcdef0123456789abcdef"
    client = Client(enforce_csrf_checks=True)
    assert client.generic(method, f"/password/reset/3mq7-{key}/").status_code == 403
    told = [line["message"] for line in log_lines()]
    refused = [text for text in told if text.startswith("Forbidden (CSRF cookie not set.): ")]
    assert len(refused) == 1
    assert "password/reset" in refused[0]
    assert not any(part in json.dumps(log_lines()) for part in key.split("-"))
