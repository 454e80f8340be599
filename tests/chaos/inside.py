"""What the harness does inside an installation: `python -m tests.chaos.inside prepare`."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import django

django.setup()

from chat.intents import Intent, recognise  # noqa: E402  models exist only from here on
from chat.models import Widget  # noqa: E402
from config import engines  # noqa: E402
from crm.core import tenancy  # noqa: E402
from crm.core.permissions import SystemPrincipal  # noqa: E402
from crm.organizations.models import Membership, Organization, Role, User  # noqa: E402
from knowledge import services as knowledge  # noqa: E402

PASSWORD = "correct horse battery"
_FAQS = Path(__file__).resolve().parent.parent.parent / "chat" / "demo" / "faqs_en.json"


def prepare(*, agents: int) -> dict[str, Any]:
    """Make an organization with a widget, agents and a bot that knows answers."""
    organization = Organization.objects.create(name="Sunbean", slug="sunbean", language_code="en")
    widget = Widget.objects.create(
        organization=organization, name="Shop", allowed_domains=["localhost", "127.0.0.1"]
    )
    # One hash for all: bcrypt at its real cost would be most of the preparation.
    first: User | None = None
    emails = []
    for number in range(1, agents + 1):
        user = User(email=f"agent{number}@sunbean.example", name=f"Agent {number}")
        if first is None:
            user.set_password(PASSWORD)
            first = user
        user.password = first.password
        user.save(force_insert=True)
        Membership.objects.create(organization=organization, user=user, role=Role.AGENT)
        emails.append(user.email)
    return {
        "site_key": widget.site_key,
        "emails": emails,
        "password": PASSWORD,
        "answers": _teach(organization),
        "mongodb": engines.store_urls().mongodb,
    }


def _teach(organization: Organization) -> dict[str, str]:
    """Load FAQs; give the questions that the bot must be able to answer, with the answers."""
    entries = json.loads(_FAQS.read_text())
    contents = [
        knowledge.FaqContent(
            question=entry["question"],
            answer=entry["answer"],
            language_code="en",
            key=entry["key"],
        )
        for entry in entries
    ]
    knowledge.import_faqs(by=SystemPrincipal(organization.pk), contents=contents)
    knowledge.index_now(organization_id=organization.pk)
    known = {}
    for entry in entries:
        found = knowledge.answer(
            organization_id=organization.pk, question=entry["question"], language="en"
        )
        if found.is_known and recognise(entry["question"]) == Intent.QUESTION:
            known[entry["question"]] = found.text
    return known


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["prepare"])
    parser.add_argument("--agents", type=int, default=5)
    arguments = parser.parse_args()
    with tenancy.all_tenants("The harness makes its world."):
        told = prepare(agents=arguments.agents)
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
