"""The email of an invitation."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.core.mail.services import Email
from crm.core.text.normalization import isolate

Context = Mapping[str, Any]


def invitation(context: Context) -> Email:
    """Compose it; called with the recipient's language active."""
    days: int = context["days"]
    named = {
        "name": isolate(context["by"]),
        "organization": isolate(context["organization"]),
        "role": isolate(context["role"]),
    }
    return Email(
        subject=_("%(name)s invites you to %(organization)s") % named,
        paragraphs=(
            _(
                "%(name)s invites you to work in %(organization)s on NextFlow. "
                "Your role would be: %(role)s."
            )
            % named,
        ),
        action_label=_("Look at the invitation"),
        action_url=context["url"],
        small_print=(
            ngettext(
                "The link works once, for %(days)d day, and only for this address.",
                "The link works once, for %(days)d days, and only for this address.",
                days,
            )
            % {"days": days},
            _("If you do not know who this is, you need not do anything."),
        ),
    )
