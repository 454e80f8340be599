"""A browser of one person: opens pages, and sends their forms with all that stands in them."""

from html.parser import HTMLParser
from typing import Any

from django.test import Client

from crm.organizations.models import Membership

OWN = {"Origin": "http://testserver"}


class _Forms(HTMLParser):
    """Collect the fields of each form of a page, as a browser would send them."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self._area: str | None = None
        self._select: str | None = None

    @property
    def _fields(self) -> dict[str, Any] | None:
        return self.forms[-1]["fields"] if self.forms and self.forms[-1]["open"] else None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        name = found.get("name") or ""
        if tag == "form":
            self.forms.append(
                {"action": found.get("action"), "fields": {}, "hidden": set(), "open": True}
            )
        if self._fields is None:
            return
        if tag == "input" and name:
            kind = found.get("type", "text")
            if kind in {"checkbox", "radio"} and "checked" not in found:
                return
            if kind == "checkbox":
                found.setdefault("value", "on")
            self._fields.setdefault(name, []).append(found.get("value") or "")
            if kind == "hidden":
                self.forms[-1]["hidden"].add(name)
        elif tag == "textarea" and name:
            self._area = name
            self._fields.setdefault(name, []).append("")
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in found:
            self._fields.setdefault(self._select, []).append(found.get("value") or "")

    def handle_data(self, data: str) -> None:
        if self._area and self._fields is not None:
            self._fields[self._area][-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area and self._fields is not None:
            # A browser drops the first line end of a text area, and sends CRLF.
            text = self._fields[self._area][-1].removeprefix("\n").replace("\r\n", "\n")
            self._fields[self._area][-1] = text.replace("\n", "\r\n")
            self._area = None
        elif tag == "select":
            self._select = None
        elif tag == "form" and self.forms:
            self.forms[-1]["open"] = False


def forms_of(answer: Any) -> list[dict[str, Any]]:
    parser = _Forms()
    parser.feed(answer.content.decode())
    return parser.forms


def form_of(answer: Any, having: str) -> dict[str, Any]:
    """Return the fields of the form that has a field of this name."""
    for form in forms_of(answer):
        if having in form["fields"]:
            fields: dict[str, Any] = form["fields"]
            return fields
    raise AssertionError(f"No form has the field {having}.")


def browser(membership: Membership, **headers: str) -> Client:
    client = Client(headers=headers)
    client.force_login(membership.user)
    return client


def switch(client: Client, membership: Membership) -> None:
    answer = client.post(
        "/account/organization/", {"organization": str(membership.organization_id)}
    )
    assert answer.status_code == 302
