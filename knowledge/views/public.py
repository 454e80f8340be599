"""An organization's public help pages: an index with search, and one page for each FAQ."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.translation import get_language_from_request
from django.views.decorators.http import require_safe

from crm.core import ratelimit, tenancy
from crm.core.colors import ink_on, mix, readable_on
from crm.core.text.folding import MAX_SEARCH_LENGTH
from crm.core.text.normalization import normalize_line
from crm.organizations.models import Language, Organization
from knowledge import help_center
from knowledge.brand import Brand, brand_of
from knowledge.models import Faq
from knowledge.services import search_faqs

# Behind the text of the pages, in `static/knowledge/public.css`.
_LIGHT, _DARK = "#ffffff", "#1a1922"


@require_safe
def help_entrance(request: HttpRequest, slug: str) -> HttpResponse:
    """Redirect to the help pages in the reader's language, if available."""
    organization = _organization(request, slug)
    available = help_center.languages_of(organization.pk)
    wanted = get_language_from_request(request)
    language = help_center.language_for(organization, available, wanted)
    response = redirect("knowledge:help_home", organization.slug, language)
    patch_vary_headers(response, ["Accept-Language"])
    return response


@require_safe
def help_home(request: HttpRequest, slug: str, language: str) -> HttpResponse:
    """Render the categories with their questions, one category, or search results."""
    if language not in Language.values:
        raise Http404
    organization = _organization(request, slug)
    text = normalize_line(request.GET.get("q", "").replace("\x00", ""))[:MAX_SEARCH_LENGTH]
    category = request.GET.get("category", "").replace("\x00", "")[:80]
    available = help_center.languages_of(organization.pk)
    urls = {
        code: reverse("knowledge:help_home", args=[organization.slug, code]) for code in available
    }
    context: dict[str, Any] = {
        "text": text,
        "category": category,
        "found": None,
        "sections": [],
        "is_empty": language not in available,
        "versions": help_center.language_links(urls, language),
        "canonical": request.build_absolute_uri(
            reverse("knowledge:help_home", args=[organization.slug, language])
        ),
    }
    if text:
        ratelimit.enforce("help_search", {"address": ratelimit.client_address(request)})
        context["found"] = search_faqs(organization.pk, language, text)
    elif language in available:
        context["sections"] = help_center.sections(organization.pk, language, category)
        if category and not context["sections"]:
            raise Http404
    # Found by search engines is what has a lasting address: neither searches nor empty pages.
    context["is_indexed"] = not (text or context["is_empty"])
    if category:
        context["canonical"] += f"?category={category}"
    return _page(request, organization, language, "knowledge/help.html", context)


@require_safe
def public_faq(request: HttpRequest, faq_id: UUID) -> HttpResponse:
    """Render a published FAQ, related ones, and links to its versions in other languages."""
    _limit(request)
    with tenancy.by_lookup(Faq, id=str(faq_id)):
        faq = (
            Faq.objects.published()
            .select_related("organization", "category")
            .filter(pk=faq_id, organization__is_active=True)
            .first()
        )
    if faq is None:
        raise Http404
    tenancy.enter(faq.organization_id)
    siblings = Faq.objects.of(faq.organization_id).published().filter(key=faq.key).order_by()
    addresses = {version.language_code: version.get_absolute_url() for version in siblings}
    urls = {code: addresses[code] for code in Language.values if code in addresses}
    context = {
        "faq": faq,
        "category_name": faq.category.name_in(faq.language_code) if faq.category else "",
        "related": help_center.related(faq),
        "versions": help_center.language_links(urls, faq.language_code),
        "canonical": request.build_absolute_uri(faq.get_absolute_url()),
        "is_indexed": True,
    }
    return _page(request, faq.organization, faq.language_code, "knowledge/public_faq.html", context)


@require_safe
def brand_styles(request: HttpRequest, slug: str) -> HttpResponse:
    """Return a style sheet with the organization's colour in readable tones."""
    organization = _organization(request, slug)
    color = brand_of(organization.pk, organization.language_code).color.lower()
    soft_light, soft_dark = mix(color, _LIGHT, 0.9), mix(color, _DARK, 0.8)
    light = readable_on(readable_on(color, soft_light), _LIGHT)
    dark = readable_on(readable_on(color, soft_dark), _DARK)
    styles = (
        f":root{{--brand:{color};--brand-ink:{ink_on(color)};"
        f"--accent:{light};--accent-soft:{soft_light}}}"
        "@media (prefers-color-scheme:dark){:root{"
        f"--accent:{dark};--accent-soft:{soft_dark}}}}}\n"
    )
    response = HttpResponse(styles, content_type="text/css; charset=utf-8")
    patch_cache_control(response, public=True, max_age=300)
    return response


def _organization(request: HttpRequest, slug: str) -> Organization:
    _limit(request)
    with tenancy.by_lookup(Organization, slug=slug):
        organization = Organization.objects.filter(slug=slug, is_active=True).first()
    if organization is None:
        raise Http404
    tenancy.enter(organization.pk)
    return organization


def _limit(request: HttpRequest) -> None:
    ratelimit.enforce("help_page", {"address": ratelimit.client_address(request)})


def _page(
    request: HttpRequest,
    organization: Organization,
    language: str,
    template: str,
    context: dict[str, Any],
) -> HttpResponse:
    brand: Brand = brand_of(organization.pk, language)
    context |= {
        "organization": organization,
        "language": language,
        "brand": brand,
        "brand_name": brand.name or organization.name,
        "base_url": f"{request.scheme}://{request.get_host()}",
    }
    with translation.override(language):
        response = render(request, template, context)
        response["Content-Language"] = language
    # Hidden means hidden: nobody in between keeps it longer than a minute.
    patch_cache_control(response, public=True, max_age=60)
    return response
