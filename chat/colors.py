"""The contrast of a widget's colour, by WCAG 2.2."""

import re

from django.utils.translation import gettext as _

COLOR = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)
# The pages around the widget, and the chat's own dark background.
WHITE, BLACK, DARK = "#ffffff", "#000000", "#1f1d1b"
# 1.4.11: what one has to recognize as a button.
MIN_CONTRAST = 3.0


def luminance(color: str) -> float:
    """Return the relative luminance of ``#rrggbb``, from 0 to 1."""
    parts = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def ink_on(color: str) -> str:
    """Return black or white, whichever is read better on the colour."""
    return WHITE if contrast(color, WHITE) >= contrast(color, BLACK) else BLACK


def contrast_hint(color: str) -> str:
    """Return what to do about a colour that is hard to see on a page, or nothing."""
    on_white, on_dark = contrast(color, WHITE), contrast(color, DARK)
    if on_white < MIN_CONTRAST:
        return _(
            "On a white page this colour is hard to see (%(ratio).1f : 1). Choose a darker one, "
            "of at least 3 : 1."
        ) % {"ratio": on_white}
    if on_dark < MIN_CONTRAST / 2:
        return _(
            "On a dark page this colour is hard to see (%(ratio).1f : 1). A lighter one shows on "
            "both."
        ) % {"ratio": on_dark}
    return ""
