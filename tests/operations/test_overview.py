"""The operator's first page: it renders whatever is away, and says what is."""

import os
import re
from contextlib import AbstractContextManager, ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chat.models import Conversation
from crm.authentication.models import Impersonation
from crm.compliance.models import AuditEntry
from crm.core import stores
from crm.core.mail.models import Mail
from crm.operations import canary, overview, runs
from crm.operations.models import CheckKind, CheckRun
from crm.operations.templatetags.console import bounded, span
from crm.organizations.models import Membership, User
from tests.compliance.audits import entries, tamper
from tests.conftest import PASSWORD
from tests.patience import PATIENCE
from tests.relays import Relay, relayed
from tests.servers import serving

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]

INDEX = reverse("admin:index")


@pytest.fixture
def operator(db: None, stores_clean: None) -> Client:
    user = User.objects.create_superuser("root@nextflow.example", PASSWORD, name="Rita")
    client = Client()
    client.force_login(user)
    overview.board.cache_clear()
    return client


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def look(operator: Client) -> str:
    """Look anew: what another test found out is kept for seconds."""
    overview.board.cache_clear()
    answer = operator.get(INDEX)
    assert answer.status_code == 200
    return text_of(answer.content.decode())


def test_an_installation_that_works(operator: Client, conversation: Conversation) -> None:
    for queue in canary.QUEUES:
        canary.note_seen(stores.redis(), queue=queue)
    canary.note_sent(stores.redis())
    stores.redis().rpush("bulk", "task", "task", "task")
    page = look(operator)
    for store in ("PostgreSQL", "MongoDB", "Redis", "Qdrant"):
        assert f"{store} answers" in page
    assert re.search(r"bulk 3 \d+ seconds? ago", page), page[:3000]
    assert "the clock (beat) runs" in page
    assert "conversations that began today, UTC 1 " in page
    assert "organizations that are switched on 1 " in page
    assert "Never run here. manage.py reconcile" in page
    assert "Never run here. manage.py audit verify" in page
    assert "Nobody has looked at anything as somebody else." in page


def test_silent_queues_and_late_effects_show(operator: Client, conversation: Conversation) -> None:
    # The conversation's question waits for the bot, which nobody runs here.
    page = look(operator)
    assert page.count(" never") == len(canary.QUEUES)
    assert "the clock (beat) is silent" in page
    assert "Pending effects 1 the oldest waits for" in page


def test_letters_that_wait_or_were_given_up_show(operator: Client) -> None:
    now = timezone.now()
    common = {"kind": "k", "to": "a@b.example", "language_code": "en", "subject": "s"}
    for _each in range(2):
        Mail.objects.create(due_at=now, **common)
    Mail.objects.create(due_at=now, given_up_at=now, **common)
    Mail.objects.create(due_at=now, sent_at=now, **common)
    page = look(operator)
    assert "Emails 2 waiting to be sent, the oldest: " in page
    assert "1 given up in 30 days" in page


def test_the_last_comparison_of_the_stores_shows(
    operator: Client, conversation: Conversation
) -> None:
    call_command("reconcile", "--json")
    assert "Stores compared No difference" in look(operator)
    Conversation.objects.filter(pk=conversation.pk).update(last_seq=7)
    with pytest.raises(SystemExit):
        call_command("reconcile", "--json")
    assert "Stores compared 1 difference" in look(operator)
    run = CheckRun.objects.filter(kind=CheckKind.RECONCILE).latest("finished_at")
    (found,) = run.found
    assert found["conversation"] == str(conversation.pk)
    page = operator.get(reverse("admin:operations_checkrun_change", args=[run.pk]))
    assert str(conversation.pk) in page.content.decode()


def test_the_last_proof_of_the_audit_shows(operator: Client, owner: Membership) -> None:
    entry = entries(owner.organization_id)[0]
    call_command("audit", "verify", f"--organization={owner.organization_id}")
    assert "Audit verified No difference" in look(operator)
    tamper("UPDATE compliance_auditentry SET action = 'x' WHERE id = %s", [entry.pk])
    with pytest.raises(CommandError):
        call_command("audit", "verify", f"--organization={owner.organization_id}")
    run = CheckRun.objects.filter(kind=CheckKind.AUDIT).latest("finished_at")
    assert run.differences == run.standing > 0
    assert "changed" in run.counts
    assert AuditEntry.objects.get(pk=entry.pk).action == "x"
    assert f"Audit verified {run.differences} difference" in look(operator)


def test_old_runs_go(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "KEPT_OF_EACH", 2)
    for number in range(4):
        runs.record_run(
            kind=CheckKind.AUDIT,
            started_at=timezone.now(),
            examined=number,
            differences=0,
            counts={},
        )
    assert set(CheckRun.objects.values_list("examined", flat=True)) == {2, 3}


def test_who_looks_as_somebody_else_shows(operator: Client, agent: Membership) -> None:
    root = User.objects.get(is_superuser=True)
    Impersonation.objects.create(
        organization=agent.organization,
        operator=root,
        user=agent.user,
        login=agent.pk,
        reason="Ticket 4711",
        ends_at=timezone.now() + timedelta(minutes=5),
    )
    page = look(operator)
    assert "Rita Linh, Sunbean Ticket 4711 goes on" in page


def test_staff_without_the_right_see_no_impersonation(db: None, stores_clean: None) -> None:
    staff = User.objects.create_user("s@nextflow.example", PASSWORD, name="S", is_staff=True)
    client = Client()
    client.force_login(staff)
    assert "Operators as other people" not in look(client)


def test_what_was_found_out_serves_everybody_for_seconds(operator: Client) -> None:
    look(operator)
    first = overview.board().overview()
    assert overview.board().overview() is first


def test_numbers_and_times_are_worded() -> None:
    assert (bounded(9, 10), bounded(10, 10)) == ("9", "10 or more")
    assert [span(seconds) for seconds in (1.9, 119, 120, 7199, 7200, 172_800)] == [
        "1 second",
        "119 seconds",
        "2 minutes",
        "119 minutes",
        "2 hours",
        "2 days",
    ]


# --- Stores that are away, cut off from a server of its own --------------------------------------


STORES = ("REDIS_URL", "MONGODB_URL", "QDRANT_URL")
NAMES = {"REDIS_URL": "Redis", "MONGODB_URL": "MongoDB", "QDRANT_URL": "Qdrant"}
NOT_KNOWN = {
    "REDIS_URL": "Not known: Redis does not answer.",
    "MONGODB_URL": "Not known: MongoDB does not answer.",
}


def _relayed(store: str) -> "AbstractContextManager[tuple[Relay, str]]":
    return relayed(os.environ[store])


@pytest.mark.parametrize("how", ["cut", "freeze"])
def test_the_page_renders_whatever_is_away(
    transactional_db: None, stores_clean: None, tmp_path: Path, how: str
) -> None:
    user = User.objects.create_superuser("root@nextflow.example", PASSWORD, name="Rita")
    browser = Client()
    browser.force_login(user)
    cookies = {"sessionid": browser.cookies["sessionid"].value}
    with ExitStack() as stack:
        relays: dict[str, Relay] = {}
        urls: Any = {}
        for store in STORES:
            relays[store], url = stack.enter_context(_relayed(store))
            if store == "MONGODB_URL":
                # Else the driver asks the engine for its address, and goes around the relay.
                url += "&directConnection=true" if "?" in url else "?directConnection=true"
            urls[store] = url
        server = stack.enter_context(serving(tmp_path, **urls))
        http = stack.enter_context(
            httpx.Client(base_url=server.base_url, cookies=cookies, timeout=PATIENCE)
        )
        page = _page(http)
        assert all(f"{name} answers" in page for name in NAMES.values())
        back = {"cut": "open", "freeze": "thaw"}[how]
        before: str | None = None
        for gone in (*STORES, None):
            if before is not None:
                getattr(relays[before], back)()
            if gone is not None:
                getattr(relays[gone], how)()
            # One is away and the one before is back; the others are still told of.
            others = [f"{name} answers" for each, name in NAMES.items() if each != gone]
            away = [f"{NAMES[gone]} does not answer"] if gone else []
            page = _until(http, *away, *others)
            assert "PostgreSQL answers" in page
            assert NOT_KNOWN.get(gone or "", "") in page
            assert "organizations that are switched on" in page
            before = gone


def _page(http: httpx.Client) -> str:
    answer = http.get(INDEX)
    assert answer.status_code == 200, answer.text[:500]
    return text_of(answer.text)


def _until(http: httpx.Client, *wanted: str) -> str:
    """Look until the page says all of it: what was found out is kept for seconds."""
    deadline = timezone.now() + timedelta(seconds=PATIENCE)
    while not all(each in (page := _page(http)) for each in wanted):
        assert timezone.now() < deadline, f"never said: {wanted}; {page[:1500]}"
    return page
