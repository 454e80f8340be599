"""What a visitor's browser loads, compressed."""

import gzip
import re

import httpx

from benchmarks.measure import Figure
from benchmarks.web import main_organization, serving
from chat.models import Widget
from tests.chaos.stack import Stack

_LINK = re.compile(r'(?:href|src)="(/static/[^"]+)"')
_IMPORT = re.compile(r'(?:from|import\()\s*"(\.{1,2}/[^"]+)"')


def run(stack: Stack, *, quick: bool) -> list[Figure]:
    del quick
    site_key = Widget.objects.get(organization=main_organization()).site_key
    with (
        serving(stack) as base_url,
        httpx.Client(base_url=base_url, trust_env=False, timeout=30) as browser,
    ):
        sizes = {"/widget/loader.js": _compressed(browser, "/widget/loader.js")}
        site = {"site_key": site_key, "parent_origin": base_url, "language": "en"}
        sizes["/widget/settings.js"] = _compressed(browser, "/widget/settings.js", site)
        page = browser.get("/widget/frame/", params=site)
        page.raise_for_status()
        sizes["/widget/frame/"] = len(gzip.compress(page.content, 9, mtime=0))
        for address in _everything(browser, page.text):
            sizes[address] = _compressed(browser, address)
    loader = sizes["/widget/loader.js"] / 1024
    return [
        Figure(
            work="widget's loader, compressed",
            value=loader,
            unit="KB",
            budget=3,
            floor_of="none",
            how="gzip -9 of what the server sends",
        ),
        Figure(
            work="widget, everything, compressed",
            value=sum(sizes.values()) / 1024,
            unit="KB",
            budget=60,
            floor_of="none",
            how=f"gzip -9 of each of the {len(sizes)} files, the texts of all languages included",
        ),
    ]


def _compressed(browser: httpx.Client, address: str, query: dict[str, str] | None = None) -> int:
    response = browser.get(address, params=query)
    response.raise_for_status()
    return len(gzip.compress(response.content, 9, mtime=0))


def _everything(browser: httpx.Client, page: str) -> list[str]:
    """Follow links and imports from the page, as a browser would."""
    waiting, found = _LINK.findall(page), []
    while waiting:
        address = waiting.pop()
        if address in found:
            continue
        found.append(address)
        text = browser.get(address).text
        waiting += [
            str(httpx.URL(f"http://x{address}").join(name).path) for name in _IMPORT.findall(text)
        ]
    return found
