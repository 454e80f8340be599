"""The client of a request, parsed from its User-Agent."""

import hashlib
import re
from dataclasses import dataclass

from django.http import HttpRequest

from crm.core.http.forwarded import parse_address

# The first that fits: browsers name their ancestors too, so the most particular comes first.
_BROWSERS = (
    ("Edge", re.compile(r"\bEdg(?:A|iOS)?/")),
    ("Opera", re.compile(r"\bOPR/")),
    ("Cốc Cốc", re.compile(r"\bcoc_coc_browser/")),
    ("Yandex Browser", re.compile(r"\bYaBrowser/")),
    ("Samsung Internet", re.compile(r"\bSamsungBrowser/")),
    ("Firefox", re.compile(r"\b(?:Firefox|FxiOS)/")),
    ("Chrome", re.compile(r"\b(?:Chrome|Chromium|HeadlessChrome|CriOS)/")),
    ("Safari", re.compile(r"\bVersion/[\d.]+ .*Safari/")),
)
_SYSTEMS = (
    ("iPhone", re.compile(r"\biPhone\b")),
    ("iPad", re.compile(r"\biPad\b")),
    ("Android", re.compile(r"\bAndroid\b")),
    ("Windows", re.compile(r"\bWindows\b")),
    ("macOS", re.compile(r"\bMac OS X\b|\bMacintosh\b")),
    ("ChromeOS", re.compile(r"\bCrOS\b")),
    ("Linux", re.compile(r"\bLinux\b")),
)
# A program's own name: `python-httpx/0.28.1`, `curl/8.5.0`.
_PROGRAM = re.compile(r"[A-Za-z][\w .-]{0,40}(?=/)")
MAX_DEVICE_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Client:
    """``device`` is for display (``Firefox · Windows``), ``mark`` distinguishes two clients."""

    device: str
    address: str | None
    mark: str

    @classmethod
    def of(cls, request: HttpRequest) -> "Client":
        agent = str(request.META.get("HTTP_USER_AGENT", ""))[:400]
        # A Unix socket or a test has none.
        address = parse_address(str(request.META.get("REMOTE_ADDR", "")))
        mark = hashlib.sha256(f"{agent}\n{address}".encode()).hexdigest()
        return cls(device=device_of(agent), address=address, mark=mark)


def device_of(agent: str) -> str:
    """Return browser and system; else the program's name, else an empty string."""
    browser = next((name for name, pattern in _BROWSERS if pattern.search(agent)), "")
    system = next((name for name, pattern in _SYSTEMS if pattern.search(agent)), "")
    if browser or system:
        return " · ".join(part for part in (browser, system) if part)
    program = _PROGRAM.match(agent)
    return program[0][:MAX_DEVICE_LENGTH] if program else ""
