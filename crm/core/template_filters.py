"""Filters of every template, without ``{% load %}``."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from crm.core.text import normalization

register = template.Library()


@register.filter
def bdi(value: object) -> SafeString | str:
    """Isolate a text from outside in a sentence of a page: it keeps its direction to itself."""
    shown = normalization.isolate("" if value is None else value).strip("\u2068\u2069")
    return format_html("<bdi>{}</bdi>", shown) if shown else ""


@register.filter
def isolate(value: object) -> str:
    """Isolate a text from outside where there can be no element: titles and labels."""
    return normalization.isolate("" if value is None else value)
