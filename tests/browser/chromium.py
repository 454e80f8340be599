"""Debian's Chromium without its window, quiet: it asks nobody outside for anything."""

from playwright.sync_api import Browser, Playwright, expect

from tests import patience

# Milliseconds, as Playwright counts.
PATIENCE = int(patience.PATIENCE * 1000)
EXECUTABLE = "/usr/bin/chromium-headless-shell"
# The whole browser alone can refuse storage to frames of other sites; it costs more than its shell.
WHOLE_BROWSER = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Playwright turns the partitioning of third-party storage off, which leaves frames of other sites
# with no storage at all; browsers of people have it on. The last switch of a name wins.
AS_PEOPLE_HAVE_IT = "--disable-features=Translate"


def launch(playwright: Playwright, *, refuses_storage_to_frames: bool = False) -> Browser:
    # For whoever drives a browser, not only after some fixture: Playwright itself expects for 5 s.
    expect.set_options(timeout=PATIENCE)
    if refuses_storage_to_frames:
        return playwright.chromium.launch(executable_path=WHOLE_BROWSER, args=ARGUMENTS)
    arguments = [*ARGUMENTS, AS_PEOPLE_HAVE_IT]
    return playwright.chromium.launch(executable_path=EXECUTABLE, args=arguments)
