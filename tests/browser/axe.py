"""axe-core, run inside a page or a frame of it."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Frame, Page

SOURCE = Path(__file__).resolve().parents[1] / "vendor" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(target: Page | Frame) -> list[dict[str, Any]]:
    """Give what axe calls serious or critical, with the elements that it means."""
    target.evaluate(SOURCE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = target.evaluate(
        """async (tags) => {
          const options = { runOnly: { type: "tag", values: tags }, iframes: false };
          const { violations } = await window.axe.run(document, options);
          return violations
            .filter(({ impact }) => impact === "serious" || impact === "critical")
            .map(({ id, help, nodes }) => ({ id, help, nodes: nodes.map((node) => node.html) }));
        }""",
        RULES,
    )
    return found
