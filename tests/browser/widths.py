"""No page is wider than its window, whichever fonts the machine has."""

from playwright.sync_api import Frame, Page

# The text of a family that is a fifth wider than ours, such as Verdana or DejaVu Sans: what a
# browser shows where it may not load our font. Needs a context with ``bypass_csp``.
WIDE_FONT = """
*, *::before, *::after { letter-spacing: 0.09em !important; }
:root { --nf-font: monospace !important; --font-sans: monospace !important; }
"""

# Elements that stick out to the right, and whom no ancestor scrolls or cuts off.
_STICKING_OUT = """
() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const isHeld = (element) => {
    const above = element.parentElement;
    if (!above || above === document.body) return false;
    return getComputedStyle(above).overflowX !== "visible" || isHeld(above);
  };
  const found = [...document.body.querySelectorAll("*")]
    .filter((element) => element.getBoundingClientRect().right > width + 0.5 && !isHeld(element))
    .map((element) => {
      const name = element.tagName.toLowerCase();
      const { right } = element.getBoundingClientRect();
      return `${name}.${[...element.classList].join(".")} ends at ${Math.round(right)}`;
    });
  return [`${document.documentElement.scrollWidth} pixels in a window of ${width}`, ...found];
}
"""


def assert_within(page: Page | Frame) -> None:
    """Fail with the elements that make the page scroll sideways."""
    found: list[str] = page.evaluate(_STICKING_OUT)
    assert found == [], f"{page.url}: {found[:12]}"


def assert_within_with_any_font(page: Page | Frame) -> None:
    """Fail where the page is too wide with our font, or with a much wider one in its place."""
    page.evaluate("document.fonts.ready.then(() => true)")
    assert_within(page)
    page.add_style_tag(content=WIDE_FONT)
    assert_within(page)
