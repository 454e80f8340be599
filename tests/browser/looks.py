"""A loaded page as everybody meets it: on a phone and at a desk, in the dark and in the light."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.inbox_pages import DESK, PHONE

Scheme = Literal["dark", "light"]
Look = tuple[ViewportSize, Scheme]
LOOKS: tuple[Look, ...] = ((PHONE, "dark"), (PHONE, "light"), (DESK, "light"), (DESK, "dark"))
# How a page is loaded that is then looked at in all ways.
FIRST_LOOK: dict[str, Any] = {"viewport": PHONE, "color_scheme": "dark"}


def looks(page: Page, chosen: Sequence[Look] = LOOKS) -> Iterator[str]:
    """Show a loaded page in each of these ways, and say in which; at last in the first one."""
    for screen, scheme in chosen:
        _show(page, screen, scheme)
        yield f"{page.url}, {screen['width']} pixels wide, {scheme}"
    _show(page, *chosen[0])


def schemes(page: Page) -> Iterator[str]:
    """Show a page in the scheme that it has, then in the other one; at last as it was."""
    screen = page.viewport_size
    assert screen is not None
    is_light = page.locator("html").get_attribute("data-bs-theme") == "light"
    ordered: tuple[Scheme, Scheme] = ("light", "dark") if is_light else ("dark", "light")
    return looks(page, [(screen, scheme) for scheme in ordered])


def _show(page: Page, screen: ViewportSize, scheme: Scheme) -> None:
    if page.viewport_size != screen:
        page.set_viewport_size(screen)
    page.emulate_media(color_scheme=scheme)
    html = page.locator("html")
    # The script of our pages hears of it when they are drawn next; public ones have styles alone.
    if html.get_attribute("data-bs-theme") is not None:
        expect(html).to_have_attribute("data-bs-theme", scheme)
