"""The demo shop: a site with the widget installed by the public snippet."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language_from_request
from django.views.decorators.http import require_safe

from chat.demo.content import SHOP, page_text, products
from chat.models import Widget
from crm.core import tenancy
from crm.organizations.models import Language, Organization


@require_safe
def shop(request: HttpRequest) -> HttpResponse:
    """Render the shop in ``?lang=``, else in the browser's language."""
    if not settings.DEMO_ENABLED:
        raise Http404
    language = request.GET.get("lang", "")
    if language not in Language.values:
        language = get_language_from_request(request)
    text = page_text(language)
    with tenancy.by_lookup(Organization, slug=SHOP):
        widget = (
            Widget.objects.filter(organization__slug=SHOP, is_active=True)
            .order_by("created_at")
            .first()
        )
    return render(
        request,
        "chat/demo_shop.html",
        {
            "language": language,
            "languages": [("en", "English"), ("vi", "Tiếng Việt"), ("ru", "Русский")],
            "text": text,
            "coffees": products(kind="coffee", language=language),
            "gear": products(kind="gear", language=language),
            "delivery": [
                [
                    {"label": label, "value": value}
                    for label, value in zip(text["delivery"]["columns"], row, strict=True)
                ]
                for row in text["delivery"]["rows"]
            ],
            "base_url": request.build_absolute_uri("/").rstrip("/"),
            "site_key": widget.site_key if widget else "",
        },
    )
