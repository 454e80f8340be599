"""Warnings about the colour chosen for a widget."""

from django.utils.translation import gettext as _

from crm.core.colors import WHITE, contrast

# The chat's own dark background.
DARK = "#1f1d1b"
# WCAG 1.4.11: what one has to recognize as a button.
MIN_CONTRAST = 3.0


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
