"""Registry of the branding of an organization's public pages."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

DEFAULT_COLOR = "#3f3ac2"


@dataclass(frozen=True, slots=True)
class Brand:
    """``name`` empty means the organization's; without ``site_url`` there is no link to
    the site.
    """

    color: str = DEFAULT_COLOR
    name: str = ""
    site_url: str = ""
    site_name: str = ""


BrandSource = Callable[[UUID, str], Brand]
_source: BrandSource = lambda organization_id, language: Brand()  # noqa: E731  a default


def set_brand_source(source: BrandSource) -> None:
    """Register ``source(organization_id, language)``."""
    global _source
    _source = source


def brand_of(organization_id: UUID, language: str) -> Brand:
    return _source(organization_id, language)
