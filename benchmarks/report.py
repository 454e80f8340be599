"""Output of figures: on the terminal, as JSON in var/bench, and in docs/performance.md."""

import importlib.metadata
import json
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import psutil

from benchmarks.measure import Figure
from benchmarks.world import Sizes
from config import engines
from config.engines.paths import CHECKOUT

DOCS = CHECKOUT / "docs" / "performance.md"
BEGIN = "<!-- measured: written by `make bench` -->"
END = "<!-- end of measured -->"
_PACKAGES = ("django", "channels", "daphne", "pymongo", "psycopg", "redis", "celery")


def line(figure: Figure) -> str:
    shown = f"  {figure.work}: {_value(figure)} [{_budget(figure)}] {_floor(figure)}"
    return f"{shown}\n    {figure.details}" if figure.details else shown


def save(figures: Sequence[Figure], sizes: Sizes) -> None:
    """Write the figures of a run as JSON, with the machine, versions and sizes they belong to."""
    data = {
        "measured_at": _moment(),
        "machine": machine(),
        "versions": versions(),
        "sizes": asdict(sizes),
        "figures": [asdict(figure) | {"ratio": figure.ratio} for figure in figures],
    }
    path = CHECKOUT / "var" / "bench" / f"figures-{sizes.name}.json"
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def write_docs(figures: Sequence[Figure], sizes: Sizes, path: Path = DOCS) -> None:
    """Replace the table between the markers of the page. Raise ValueError without markers."""
    page = path.read_text()
    pattern = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    if not pattern.search(page):
        raise ValueError(f"{path} has no place for the table: it stands between two markers.")
    body = "\n".join([BEGIN, "", *table(figures, sizes), "", END])
    path.write_text(pattern.sub(lambda _match: body, page))


def table(figures: Sequence[Figure], sizes: Sizes) -> list[str]:
    over = [figure.work for figure in figures if figure.is_over]
    rows = [
        f"| {figure.work} | {_value(figure)} | {_budget(figure)} | {_floor(figure)} "
        f"| {figure.how} |"
        for figure in figures
    ]
    return [
        f"Measured {_moment()} with `make bench` on {machine()}, web server, worker, engines and "
        f"load generator on this one machine. {versions()}.",
        "",
        f"State: {sizes.messages:,} messages in MongoDB, {sizes.conversations:,} conversations, "
        f"{sizes.faqs:,} FAQ entries.",
        "",
        "| work | measured | budget | floor of the same run | how |",
        "| --- | --- | --- | --- | --- |",
        *rows,
        "",
        f"Over budget: {', '.join(over)}." if over else "Nothing is over its budget.",
        "",
        "Spreads:",
        "",
        *(f"- {figure.work}: {figure.details}" for figure in figures if figure.details),
    ]


def machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores of {_processor()}, {memory:.0f} GiB of memory, "
        f"{platform.system()} {platform.release().split('-')[0]} (load average {load:.1f})"
    )


def versions() -> str:
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)
    served = ", ".join(f"{each.engine} {each.version}" for each in engines.status())
    return f"Python {platform.python_version()}, {packages}; engines: {served}"


def _processor() -> str:
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return found.group(1).strip() if found else platform.machine()


def _moment() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _value(figure: Figure) -> str:
    return f"{figure.value:,.{_digits(figure.value)}f} {figure.unit}"


def _budget(figure: Figure) -> str:
    if figure.budget is None and figure.floor_ratio is None:
        return "none"
    parts = []
    if figure.budget is not None:
        parts.append(f"{figure.budget:,g}")
    if figure.floor_ratio is not None:
        parts.append(f"{figure.floor_ratio:g} × floor")
    return f"{', '.join(parts)}: {'**over**' if figure.is_over else 'kept'}"


def _floor(figure: Figure) -> str:
    if figure.floor is None:
        return figure.floor_of or "none"
    ratio = f" ({figure.ratio:.1f} ×)" if figure.ratio is not None else ""
    return f"{figure.floor:,.{_digits(figure.floor)}f}{ratio}: {figure.floor_of}"


def _digits(value: float) -> int:
    return 2 if value < 10 else 1 if value < 100 else 0
