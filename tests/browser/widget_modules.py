"""The widget's modules, served as plain files, and a way to run them in a page."""

from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

STATIC = Path(__file__).resolve().parents[2] / "static"


class QuietHandler(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".js": "text/javascript"}

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it
        return

    def do_GET(self) -> None:
        if self.path != "/":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>modules</title>")


def run(page: Page, module: str, script: str) -> Any:
    """Run ``script`` with the module's exports as ``m`` and give what it returns."""
    return page.evaluate(
        f"async () => {{ const m = await import('/chat/widget/{module}'); {script} }}"
    )
