"""Where an answer's source link leads: one FAQ, open to everybody, in its own language."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from config import tenancy
from knowledge.models import Faq

_LANGUAGE_NAMES = {"en": "English", "vi": "Tiếng Việt", "ru": "Русский"}


@require_safe
def public_faq(request: HttpRequest, faq_id: UUID) -> HttpResponse:
    """Show a published FAQ with links to its versions in other languages."""
    with tenancy.behind(Faq, id=str(faq_id)):
        faq = (
            Faq.objects.published()
            .select_related("organization", "category")
            .filter(pk=faq_id, organization__is_active=True)
            .first()
        )
    if faq is None:
        raise Http404
    tenancy.enter(faq.organization_id)
    siblings = (
        Faq.objects.of(faq.organization_id)
        .published()
        .filter(key=faq.key)
        .order_by("language_code")
    )
    with translation.override(faq.language_code):
        response = render(
            request,
            "knowledge/public_faq.html",
            {
                "faq": faq,
                "category": faq.category.name_in(faq.language_code) if faq.category else "",
                "versions": [
                    {
                        "url": version.get_absolute_url(),
                        "language": version.language_code,
                        "name": _LANGUAGE_NAMES.get(version.language_code, version.language_code),
                        "is_this": version.pk == faq.pk,
                    }
                    for version in siblings
                ],
            },
        )
        response["Content-Language"] = faq.language_code
    # Hidden means hidden: nobody in between keeps it longer than a minute.
    patch_cache_control(response, public=True, max_age=60)
    return response
