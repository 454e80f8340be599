"""How the fields of forms look: WCAG 2.2, 1.4.11: one sees where one may write."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from crm.core.colors import contrast

CONTROL_CONTRAST = 3
STYLES = (Path(settings.BASE_DIR) / "static" / "app" / "app.css").read_text()
THEMES = {"light": ":root", "dark": '[data-bs-theme="dark"]'}


def tokens(theme: str) -> dict[str, str]:
    """Return the colours that a theme sets, by the name of their token."""
    block = STYLES.partition(f"{THEMES[theme]} {{")[2].partition("}")[0]
    return dict(re.findall(r"--nf-([\w-]+): (#[0-9a-f]{6});", block))


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", ["panel", "panel-2", "canvas"])
def test_border_of_a_field_can_be_seen(theme: str, ground: str) -> None:
    colors = tokens(theme)
    assert contrast(colors["control-line"], colors[ground]) >= CONTROL_CONTRAST


@pytest.mark.parametrize("control", [".form-control", ".form-select", ".form-check-input"])
def test_every_kind_of_field_has_that_border(control: str) -> None:
    rule = re.search(r"([^{}]*)\{\s*border-color: var\(--nf-control-line\);\s*\}", STYLES)
    assert rule is not None
    assert control in [each.strip() for each in rule[1].split(",")]
