"""axe-core, run inside a page or a frame of it."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Frame, Page

SOURCE = Path(__file__).resolve().parents[1] / "vendor" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Of what passed axe would describe every element, and send it all.
VIOLATIONS_ALONE = {"resultTypes": ["violations"]}


# Half-way through, a color has the contrast of neither state.
_END_MOVEMENTS = """() => {
  for (const each of document.getAnimations()) {
    if (each.effect?.getComputedTiming().endTime !== Infinity) each.finish();
  }
}"""


def load(target: Page | Frame) -> None:
    """Put axe into a page, once for each that is loaded, and let nothing move that ends."""
    target.evaluate(_END_MOVEMENTS)
    if not target.evaluate("'axe' in window"):
        target.evaluate(SOURCE.read_text(encoding="utf-8"))


def violations(target: Page | Frame) -> list[dict[str, Any]]:
    """Give what axe calls serious or critical, with the elements that it means."""
    load(target)
    found: list[dict[str, Any]] = target.evaluate(
        """async ([tags, told]) => {
          const options = { ...told, runOnly: { type: "tag", values: tags }, iframes: false };
          const { violations } = await window.axe.run(document, options);
          return violations
            .filter(({ impact }) => impact === "serious" || impact === "critical")
            .map(({ id, help, nodes }) => ({ id, help, nodes: nodes.map((node) => node.html) }));
        }""",
        [RULES, VIOLATIONS_ALONE],
    )
    return found
