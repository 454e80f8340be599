"""What would have been sent: letters wait in the database, for no worker runs here."""

import re

from django.test import Client

from crm.core.mail.models import Mail

_LINK = re.compile(r"^https?://[^/\s]+(/\S*)$", re.MULTILINE)


def last_letter(to: str) -> Mail:
    mail = Mail.objects.filter(to=to).order_by("-created_at", "-pk").first()
    assert mail is not None, f"Nothing was written to {to}."
    return mail


def link_in(mail: Mail) -> str:
    """Give the path that the letter's one link leads to."""
    found = _LINK.findall(mail.text)
    assert len(found) == 1, mail.text
    assert found[0] in mail.html
    return str(found[0])


def kinds() -> list[tuple[str, str]]:
    """Give all letters as (kind, to), oldest first."""
    return list(Mail.objects.order_by("created_at", "pk").values_list("kind", "to"))


def follow(client: Client, link: str) -> str:
    """Open a letter's link and return the address that it leads to, without the key."""
    answer = client.get(link)
    assert answer.status_code == 302
    return str(answer["Location"])
