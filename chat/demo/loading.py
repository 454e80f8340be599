"""Loading the demo: organizations, people, widgets, FAQs and conversations, in this order."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from chat.demo.companies import load_companies
from chat.demo.content import SHOP, read
from chat.demo.conversations import Script, play_all
from chat.demo.deals import load_deals
from chat.demo.notes import write_notes
from chat.demo.visitors import load_organizations, load_people, logins
from chat.models import SetupGuide, Widget
from crm.core.permissions import SystemPrincipal
from crm.organizations.models import Organization
from knowledge.models import Faq, FaqCategory
from knowledge.services import FaqContent, create_category, import_faqs, index_now

# The page stands on the installation itself, whatever its port.
ALLOWED_DOMAINS = ["localhost", "127.0.0.1"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """The site keys and log-ins of the loaded demo."""

    organization: str
    widget_site_key: str
    logins: list[dict[str, str]]


def load(*, password: str, say: Callable[[str], None]) -> Loaded:
    """Load what is missing of the demo data; existing rows keep people's changes.

    Safe to repeat, also after a killed run. ``say`` receives progress messages.
    """
    organizations = load_organizations()
    people = load_people(organizations=organizations, password=password)
    say(f"{len(organizations)} organizations and {len(people)} people are there.")
    now = timezone.now()
    site_keys = {}
    for wanted in read("organizations.json"):
        organization = organizations[wanted["slug"]]
        say(f"{organization.name}:")
        widget = _load_widget(organization, wanted["widget"])
        # The demo is set up; its checklist is found under Settings, Widgets.
        SetupGuide.objects.get_or_create(
            organization=organization, defaults={"dismissed_at": timezone.now()}
        )
        site_keys[wanted["slug"]] = widget.site_key
        _load_faqs(organization.pk, wanted["faqs"], say)
        scripts = [
            Script(
                data=data,
                widget=widget,
                people=people,
                answers=_answers(wanted["faqs"][data["language_code"]]),
                now=now,
            )
            for data in read(wanted["conversations"])
        ]
        play_all(scripts, say=say)
        write_notes(scripts)
        if "companies" in wanted:
            made = load_companies(organization, wanted["companies"], people)
            say(f"  {made} companies brought in.")
        if "deals" in wanted:
            made = load_deals(organization, wanted["deals"], people, now)
            say(f"  {made} deals brought in.")
    return Loaded(
        organization=organizations[SHOP].name,
        widget_site_key=site_keys[SHOP],
        logins=logins(password=password),
    )


def _load_widget(organization: Organization, wanted: dict[str, str]) -> Widget:
    """Return the organization's first widget, whatever its name; create it if there is none."""
    here = Widget.objects.filter(organization=organization).order_by("created_at", "pk").first()
    return here or Widget.objects.create(
        organization=organization,
        name=wanted["name"],
        color=wanted["color"],
        texts=wanted["texts"],
        allowed_domains=ALLOWED_DOMAINS,
        styled_at=timezone.now(),
    )


def _load_faqs(organization_id: UUID, files: dict[str, str], say: Callable[[str], None]) -> None:
    # Deleted ones count as there: nobody wants back what they threw away.
    here = set(Faq.objects.of(organization_id).values_list("key", "language_code"))
    entries = [
        (language, entry)
        for language, file in files.items()
        for entry in read(file)
        if (entry["key"], language) not in here
    ]
    categories = _load_categories(
        organization_id=organization_id, used={entry["category"] for _language, entry in entries}
    )
    missing = [
        FaqContent(
            question=entry["question"],
            answer=entry["answer"],
            language_code=language,
            key=entry["key"],
            category_id=categories.get(entry["category"]),
        )
        for language, entry in entries
    ]
    if missing:
        import_faqs(by=SystemPrincipal(organization_id), contents=missing)
    say(f"  {len(missing)} FAQs brought in, {len(here)} were there.")
    indexed = index_now(
        organization_id=organization_id, progress=lambda done: say(f"  {done} FAQs indexed …")
    )
    if not indexed:
        say("  The index is up to date.")


@transaction.atomic
def _load_categories(*, organization_id: UUID, used: set[str]) -> dict[str, UUID]:
    """Create missing categories of new FAQs. Return all by slug."""
    here = dict(FaqCategory.objects.of(organization_id).values_list("slug", "pk"))
    for position, wanted in enumerate(read("categories.json")):
        if wanted["key"] in used - here.keys():
            category = create_category(
                by=SystemPrincipal(organization_id),
                name=wanted["name"]["en"],
                slug=wanted["key"],
                names=wanted["name"],
                position=position,
            )
            here[category.slug] = category.pk
    return here


def _answers(file: str) -> dict[str, str]:
    return {entry["key"]: entry["answer"] for entry in read(file)}
