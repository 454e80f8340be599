"""The stamp of a page: the organization and the user that it was rendered for.

Forms carry it in hidden fields, which `{% csrf_token %}` writes; requests of scripts in headers. A
request whose stamp differs from the session is rejected before any view runs.
"""

from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from crm.core.form_guard.errors import PersonSwitched

ORGANIZATION, PERSON = "_organization", "_person"
ONCE, VERSION = "_once", "_version"
# Set by the page of a stored form: save in the stamp's organization, and delete the stored copy.
SWITCH, KEPT = "_switch", "_kept"
GUARD_FIELDS = frozenset({ORGANIZATION, PERSON, ONCE, VERSION, SWITCH, KEPT, "csrfmiddlewaretoken"})
ORGANIZATION_HEADER, PERSON_HEADER = "X-Organization", "X-Person"


@dataclass(frozen=True, slots=True)
class Stamp:
    """The organization and user that a page was rendered for; None where missing or invalid."""

    organization_id: UUID | None
    person_id: UUID | None


def stamp_of_headers(request: HttpRequest) -> Stamp:
    return Stamp(
        _uuid(request.headers.get(ORGANIZATION_HEADER)), _uuid(request.headers.get(PERSON_HEADER))
    )


def stamp_of(request: HttpRequest) -> Stamp:
    """Read the headers, else the fields of a form."""
    if ORGANIZATION_HEADER in request.headers or PERSON_HEADER in request.headers:
        return stamp_of_headers(request)
    if request.method != "POST":
        return Stamp(None, None)
    return Stamp(_uuid(request.POST.get(ORGANIZATION)), _uuid(request.POST.get(PERSON)))


def check_person(user: AbstractBaseUser, stamp: Stamp) -> None:
    """Raise PersonSwitched if the page was rendered for another user than the current one."""
    if stamp.person_id is not None and stamp.person_id != user.pk:
        raise PersonSwitched


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None
