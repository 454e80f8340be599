"""Emails to members about waiting customers, in the recipient's language."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.core.mail.services import Email
from crm.core.text.normalization import isolate


@dataclass(frozen=True, slots=True)
class Waiting:
    """A waiting customer and their last message."""

    customer: str
    text: str
    minutes: int


def somebody_waits(
    organization: str, waiting: Sequence[Waiting], *, action_url: str, settings_url: str
) -> Email:
    """Return the email about one or several waiting customers."""
    number = len(waiting)
    if number == 1:
        subject = _("%(customer)s waits for your answer") % {
            "customer": isolate(waiting[0].customer)
        }
    else:
        subject = ngettext(
            "%(number)d customer waits for your answer",
            "%(number)d customers wait for your answer",
            number,
        ) % {"number": number}
    return Email(
        subject=subject,
        paragraphs=(
            _("In %(organization)s somebody waits for your answer, and you have not looked yet:")
            % {"organization": isolate(organization)},
            *(_line(each) for each in waiting),
        ),
        action_label=_("Open the conversation") if number == 1 else _("Open the inbox"),
        action_url=action_url,
        small_print=(
            _("You get this because these conversations are assigned to you."),
            _("Change when you are written to: %(url)s") % {"url": settings_url}
            if settings_url
            else _("Change when you are written to under Settings, Notifications."),
        ),
    )


def _line(waiting: Waiting) -> str:
    params = {"customer": isolate(waiting.customer), "text": isolate(waiting.text)}
    minutes = ngettext("waits %(minutes)d minute", "waits %(minutes)d minutes", waiting.minutes) % {
        "minutes": waiting.minutes
    }
    if not waiting.text:
        return _("%(customer)s, %(wait)s") % (params | {"wait": minutes})
    return _("%(customer)s, %(wait)s: “%(text)s”") % (params | {"wait": minutes})
