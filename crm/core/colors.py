"""Colours as ``#rrggbb``: WCAG 2.2 contrast, and readable tones."""

import re

COLOR = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)
WHITE, BLACK = "#ffffff", "#000000"
# 1.4.3: text that has to be read.
TEXT_CONTRAST = 4.5
_TONES = 20


def luminance(color: str) -> float:
    """Return the relative luminance of a colour, from 0 to 1."""
    parts = (part / 255 for part in _parts(color))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def ink_on(color: str) -> str:
    """Return black or white, whichever has more contrast with the colour."""
    return WHITE if contrast(color, WHITE) >= contrast(color, BLACK) else BLACK


def readable_on(color: str, background: str) -> str:
    """Return the nearest tone of a colour that is readable as text on a background."""
    towards = ink_on(background)
    for step in range(_TONES + 1):
        tone = mix(color, towards, step / _TONES)
        if contrast(tone, background) >= TEXT_CONTRAST:
            return tone
    return towards


def mix(one: str, other: str, share: float) -> str:
    """Return the first colour mixed with this share of the other."""
    pairs = zip(_parts(one), _parts(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _parts(color: str) -> tuple[int, int, int]:
    red, green, blue = (int(color[start : start + 2], 16) for start in (1, 3, 5))
    return red, green, blue
