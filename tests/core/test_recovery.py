"""Work whose task was lost is found by one sweep, of which no part stands in the way of another."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError
from kombu.exceptions import OperationalError as BrokerAway

from config.celery import app
from crm.core import recovery
from crm.core.tasks import sweep

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stores_clean")]


class Queue:
    """A task that notes what is queued for it."""

    def __init__(self, name: str, queued: list[Any]) -> None:
        self.name, self._queued, self.is_away = name, queued, False

    def delay(self, *args: Any) -> None:
        if self.is_away:
            raise BrokerAway
        self._queued.append((self.name, args))


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    monkeypatch.setattr(recovery, "_sweeps", {})
    return []


def registered(name: str, queued: list[Any], find: Any, **options: Any) -> Queue:
    task = Queue(name, queued)
    recovery.register_sweep(task, find, **options)  # type: ignore[arg-type]
    return task


def test_late_work_is_queued_with_its_ids_as_text(queued: list[Any]) -> None:
    one, other = uuid4(), uuid4()
    registered("one", queued, lambda: [one])
    registered("two", queued, lambda: [(one, other, 3)])
    sweep()
    assert queued == [("one", (str(one),)), ("two", (str(one), str(other), 3))]


def test_a_store_that_is_away_does_not_keep_other_work_from_being_found(
    queued: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    def away() -> list[Any]:
        raise OperationalError("The store does not answer.")

    registered("away", queued, away)
    registered("here", queued, lambda: [1])
    sweep()
    assert queued == [("here", (1,))]
    [record] = [each for each in caplog.records if each.name == "crm.core.recovery"]
    assert (record.levelname, record.metadata) == ("ERROR", {"task": "away"})  # type: ignore[attr-defined]


def test_without_a_broker_nothing_more_is_looked_for(queued: list[Any]) -> None:
    registered("first", queued, lambda: [1]).is_away = True
    registered("second", queued, lambda: pytest.fail("It was looked for."))
    sweep()
    assert queued == []


def test_a_rare_sweep_runs_once_in_its_time(queued: list[Any]) -> None:
    registered("rare", queued, lambda: [1], every=300)
    registered("often", queued, lambda: [2])
    for _again in range(2):
        sweep()
    assert queued == [("rare", (1,)), ("often", (2,)), ("often", (2,))]
    recovery.sweep(["rare"])
    assert queued[3:] == [("rare", (1,))]


def test_every_app_has_its_lost_work_found() -> None:
    app.loader.import_default_modules()
    assert set(recovery._sweeps) == {
        "chat.answer_with_bot",
        "chat.finish_amendment",
        "chat.reassign",
        "chat.send_alert_email",
        "jobs.run",
        "knowledge.index_faqs",
        "mail.deliver",
    }
