"""The forecast among the pages that the search over everything finds."""

from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext

from crm.core.permissions import Principal
from crm.core.search.hits import Page, register_pages
from crm.deals.models import Deal


@register_pages
def pages_of_deals(by: Principal) -> Iterator[Page]:
    if by.may(Deal.area):
        yield Page(gettext("Forecast"), reverse("deals:forecast"), "coin")
