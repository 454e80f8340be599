"""No input gives a 5xx, leads elsewhere or comes back as markup.

Every address of the installation is visited, by nobody and by an owner. Parameters are collected
from the code and observed in each view: a new one is tried without being listed.
"""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator

from crm.organizations.models import Role
from tests.conftest import make_member
from tests.security.declared import names_of_the_code
from tests.security.fuzzer import Fuzzer, fuzzing
from tests.security.hostile import BODIES, COOKIES, HEADERS, LONG, PIECES
from tests.tenancy.addresses import addresses_of_views
from tests.tenancy.world import Theirs, make_theirs

pytestmark = [pytest.mark.django_db, pytest.mark.long]

COOKIE_NAMES = ("sessionid", "csrftoken", "django_language", "messages", "nobody")
# Of the pages that show most of the middleware, the templates and the API.
SAMPLE = (
    "/login/",
    "/app/inbox/",
    "/app/knowledge/",
    "/account/language/",
    "/api/v1/me",
    "/api/v1/conversations",
    "/widget/frame/",
    "/admin/",
    "/health",
    "/no/such/page/",
)


@pytest.fixture
def theirs(stores_clean: None, db: None, settings: Any) -> Theirs:
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMIT_DEFAULTS, "off")
    theirs = make_theirs()
    # A passkey that no browser made cannot be used: it is another member's, who does not log in.
    agent = make_member(theirs.organization, "Agnes", Role.AGENT)
    Authenticator.objects.filter(pk=theirs.passkey.pk).update(user=agent.user)
    return theirs


def test_no_parameter_of_a_stranger_gives_a_server_error(theirs: Theirs) -> None:
    with fuzzing(None, names_of_the_code()) as fuzzer:
        _try_all(fuzzer, theirs)
        # Before every view of admin stands the same check.
        for address in addresses_of_views(theirs, is_admin=True)[::8]:
            fuzzer.try_address(address)


def test_no_parameter_of_an_owner_gives_a_server_error(theirs: Theirs) -> None:
    with fuzzing(theirs.owner, names_of_the_code()) as fuzzer:
        _try_all(fuzzer, theirs)


def _try_all(fuzzer: Fuzzer, theirs: Theirs) -> None:
    found = addresses_of_views(theirs, is_admin=False)
    for address in found:
        fuzzer.enter()
        fuzzer.try_address(address)
    assert fuzzer.asked > len(found)


@pytest.mark.parametrize("who", ["nobody", "owner"])
def test_no_cookie_header_or_body_gives_a_server_error(theirs: Theirs, who: str) -> None:
    with fuzzing(theirs.owner if who == "owner" else None, set()) as fuzzer:
        for path in SAMPLE:
            for name, value in fuzzer.some(HEADERS, 8):
                fuzzer.ask("GET", path, headers={name: value})
            for kind, body in fuzzer.some(BODIES, 5):
                fuzzer.ask("POST", path, body, kind)
            fuzzer.ask("GET", f"{path}?next={LONG}&a[]=1&a[]=2&a=&a=1")
            for name in COOKIE_NAMES:
                fuzzer.enter()
                for value in fuzzer.some(COOKIES, 2):
                    fuzzer.client.cookies[name] = value
                    fuzzer.ask("GET", path)
        assert fuzzer.asked > 100


def test_no_path_gives_a_server_error(theirs: Theirs) -> None:
    with fuzzing(None, set()) as fuzzer:
        for address in addresses_of_views(theirs, is_admin=False):
            pieces = address.path.split("/")
            last = max(index for index, piece in enumerate(pieces) if piece or index == 0)
            for value in fuzzer.some(PIECES, 2):
                path = "/".join([*pieces[:last], value, *pieces[last + 1 :]])
                fuzzer.ask("GET", path)
        assert fuzzer.asked > 100
