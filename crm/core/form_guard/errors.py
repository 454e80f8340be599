"""Errors of forms that are outdated, repeated, or from a page of another user or organization."""

from django.utils.translation import gettext, gettext_noop

from crm.core.errors import Conflict
from crm.core.text.normalization import isolate


class OrganizationSwitched(Conflict):
    """A page of one organization was submitted while the session runs as another.

    ``organization`` is the page's, ``current_organization`` the session's.
    """

    code = "organization_switched"
    message = gettext_noop(
        "You switched to another organization in another tab. Nothing was changed; load the page "
        "again."
    )

    @classmethod
    def between(cls, *, current: str, other: str, ids: tuple[str, str]) -> "OrganizationSwitched":
        """Return the error with both organizations' names; ``ids`` are (current, other)."""
        extra = {"current_organization": ids[0], "organization": ids[1]}
        if not other:
            return cls(extra=extra)
        said = gettext(
            "You switched to %(current)s in another tab, but this page belongs to %(other)s. "
            "Nothing was changed."
        )
        return cls(said % {"current": isolate(current), "other": isolate(other)}, extra=extra)


class OrganizationUnnamed(Conflict):
    code = "organization_unnamed"
    message = gettext_noop(
        "The page does not say to which of your organizations it belongs. Nothing was changed; "
        "load the page again."
    )


class PersonSwitched(Conflict):
    code = "person_switched"
    message = gettext_noop(
        "Somebody else has logged in to this browser since the page was opened. Nothing was "
        "changed."
    )


class PageOutdated(Conflict):
    """A script of a page whose CSRF token a later log-in replaced."""

    code = "page_outdated"
    message = gettext_noop(
        "You have logged in anew since this page was opened. Nothing was changed; load the page "
        "again."
    )


class FormSentBefore(Conflict):
    """``location`` is where that leads which a form saved that adds a row."""

    code = "form_sent_before"
    heading = gettext_noop("This was saved already")
    message = gettext_noop(
        "This form was sent before, and what it saved is there. Look at it; send the form again "
        "only if you want the same once more."
    )
