"""Built-in template filters, available without ``{% load %}``."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from crm.core.text import normalization

register = template.Library()


@register.filter
def bdi(value: object) -> SafeString | str:
    """Wrap user-supplied text in ``<bdi>``, so that its direction does not affect the sentence."""
    shown = normalization.isolate("" if value is None else value).strip("\u2068\u2069")
    return format_html("<bdi>{}</bdi>", shown) if shown else ""


@register.filter
def isolate(value: object) -> str:
    """Isolate user-supplied text by control characters where no element is allowed:
    titles, labels.
    """
    return normalization.isolate("" if value is None else value)
