"""An organization's branding on public pages: that of its first widget."""

from uuid import UUID

from chat.domains import LOCAL_HOSTS
from chat.models import DEFAULT_COLOR, Widget
from chat.services.visitors import origin_allowed
from crm.core.colors import COLOR
from crm.core.text.domains import display_domain
from knowledge.brand import Brand


def brand_of_widget(organization_id: UUID, language: str) -> Brand:
    """Return the branding of the organization's first active widget."""
    widget = (
        Widget.objects.select_related("organization")
        .filter(organization_id=organization_id, is_active=True)
        .order_by("id")
        .first()
    )
    if widget is None:
        return Brand()
    url = _site_url(widget)
    return Brand(
        color=widget.color if COLOR.fullmatch(widget.color) else DEFAULT_COLOR,
        name=widget.text("title", language) or widget.name,
        site_url=url,
        site_name=display_domain(url.partition("://")[2]),
    )


def _site_url(widget: Widget) -> str:
    """Return where the widget was seen, else the first domain that may show it, else nothing."""
    if widget.last_seen_origin and origin_allowed(widget, widget.last_seen_origin):
        return widget.last_seen_origin
    for domain in widget.allowed_domains:
        if "*" not in domain and domain.partition(":")[0] not in LOCAL_HOSTS:
            return f"https://{domain}"
    return ""
