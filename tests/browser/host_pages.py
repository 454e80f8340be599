"""Sites of all kinds that a widget is put into, served from an origin of their own."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SNIPPET = '<script async src="{base}/widget/loader.js" data-site-key="{key}"></script>'
PAGE = """<!doctype html>
<html lang="en"{html}>
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>A site</title><link rel="stylesheet" href="/site.css">{head}</head>
<body><h1>A site</h1>
<script{nonce} src="/before.js"></script>
{body}
</body></html>"""
# The queue stub of docs/widget.md, and all that the launcher tells.
BEFORE = """
window.nextflow = window.nextflow || function () {
  (window.nextflow.q = window.nextflow.q || []).push(arguments);
};
window.happened = [];
for (const name of ["ready", "opened", "closed", "error"]) {
  nextflow("on", name, (data) => window.happened.push([name, data ?? null]));
}
"""


@dataclass(frozen=True)
class Host:
    """One kind of site; ``{base}``, ``{key}`` and ``{own}`` are filled in everywhere."""

    body: str = SNIPPET
    head: str = ""
    html: str = ""
    style: str = ""
    script: str = ""
    nonce: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def host_site(host: Host, base_url: str, site_key: str) -> Iterator[str]:
    """Serve the site under ``http://localhost:…``; give its address."""

    def fill(text: str) -> str:
        return text.replace("{base}", base_url).replace("{key}", site_key)

    nonce = f' nonce="{host.nonce}"' if host.nonce else ""
    page = PAGE.format(html=host.html, head=host.head, nonce=nonce, body=host.body)
    files = {
        "/before.js": ("text/javascript", BEFORE),
        "/site.js": ("text/javascript", fill(host.script)),
        "/site.css": ("text/css", host.style),
    }

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, text = files.get(self.path, ("text/html", fill(page)))
            self.send_response(200)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            for name, value in host.headers.items():
                self.send_header(name, fill(value))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *arguments: Any) -> None:
            return

    server = ThreadingHTTPServer(("localhost", 0), Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
