"""A customer's site: another origin than ours, with a strict policy of its own."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.servers import LiveServer, serving

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>A shop</title><link rel="stylesheet" href="/site.css"></head>
<body><main><h1>A shop</h1><p><a href="#more">More</a></p></main>
<script src="/before.js"></script>
<script async src="{base}/widget/loader.js" data-site-key="{key}" {attributes}></script>{again}
</body></html>"""

# The queue stub of docs/widget.md, and a few calls made long before the loader is there.
BEFORE = """
window.nextflow = window.nextflow || function () {
  (window.nextflow.q = window.nextflow.q || []).push(arguments);
};
window.happened = [];
for (const name of ["ready", "opened", "closed", "message", "unread", "error"]) {
  nextflow("on", name, (data) => window.happened.push([name, data ?? null]));
}
"""

# `div { display: none }` is what a careless site does to everybody's widgets.
STYLE = "body { font-family: serif; margin: 2em; } div { display: none; } button { all: unset; }"


@contextmanager
def shop_site(
    base_url: str, site_key: str, attributes: str = "", *, twice: bool = False
) -> Iterator[str]:
    """Serve a shop with the widget in it, under ``http://localhost:…``; give its address."""
    policy = (
        f"default-src 'none'; script-src 'self' {base_url}; frame-src {base_url}; style-src 'self'"
    )
    again = f'<script async src="{base_url}/widget/loader.js" data-site-key="{site_key}"></script>'
    page = PAGE.format(
        base=base_url, key=site_key, attributes=attributes, again=again if twice else ""
    )

    class Shop(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, text = {
                "/before.js": ("text/javascript", BEFORE),
                "/site.css": ("text/css", STYLE),
            }.get(self.path, ("text/html", page))
            self.send_response(200)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *arguments: Any) -> None:
            return

    with _served(ThreadingHTTPServer(("localhost", 0), Shop)) as address:
        yield address


@contextmanager
def pasted_site(snippet: str) -> Iterator[str]:
    """Serve a page into which an owner pasted this; give its address."""
    page = f"<!doctype html><title>A shop</title><h1>A shop</h1>{snippet}"

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *arguments: Any) -> None:
            return

    with _served(ThreadingHTTPServer(("localhost", 0), Site)) as address:
        yield address


@contextmanager
def _served(server: ThreadingHTTPServer) -> Iterator[str]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(frozen=True)
class FragileShop:
    """A shop whose chat server the test starts, kills and starts again; the site stays up."""

    address: str
    port: int
    folder: Path

    def serving(self) -> AbstractContextManager[LiveServer]:
        return serving(self.folder, port=self.port)
