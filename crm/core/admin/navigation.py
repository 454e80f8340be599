"""The sidebar: each app's admin declares its own position."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse, reverse_lazy
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _


class Section(StrEnum):
    """The groups of the sidebar, from top to bottom."""

    TENANTS = "tenants"
    ACCESS = "access"
    BILLING = "billing"
    EVIDENCE = "evidence"
    WORK = "work"
    MACHINERY = "machinery"


TITLES: dict[Section, Promise | str] = {
    Section.TENANTS: _("Organizations and people"),
    Section.ACCESS: _("Access"),
    Section.BILLING: _("Plans and usage"),
    Section.EVIDENCE: _("Evidence"),
    Section.WORK: _("Their work"),
    Section.MACHINERY: _("Machinery"),
}


@dataclass(frozen=True, slots=True)
class Menu:
    """The menu entry of a model: ``icon`` is a name of Material Symbols, ``rank`` its order."""

    section: Section
    icon: str
    rank: int = 50


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the sidebar for unfold: the overview, then the models that this operator may view."""
    overview = {
        "title": _("Overview"),
        "icon": "monitoring",
        "link": reverse_lazy("admin:index"),
        "active": request.path == reverse("admin:index"),
    }
    groups: list[dict[str, Any]] = [{"items": [overview]}]
    for section in Section:
        items = [item for _rank, item in sorted(_items(request, section), key=lambda each: each[0])]
        if items:
            groups.append({"title": TITLES[section], "items": items, "separator": True})
    return groups


def _items(request: HttpRequest, section: Section) -> Iterator[tuple[Any, dict[str, Any]]]:
    for model, model_admin in admin.site._registry.items():
        menu: Menu | None = getattr(model_admin, "menu", None)
        if menu is None or menu.section is not section:
            continue
        if not model_admin.has_view_permission(request):
            continue
        options = model._meta
        link = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
        item = {
            "title": capfirst(str(options.verbose_name_plural)),
            "icon": menu.icon,
            "link": link,
            "active": request.path.startswith(link),
        }
        yield (menu.rank, options.label), item
