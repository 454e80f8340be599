"""A small world on the real engines: two organizations, their people, a widget, a conversation."""

import gc
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError
from django.test import Client, TransactionTestCase
from django.utils import translation
from httpx._transports import default as httpx_transports
from psycopg.errors import DeadlockDetected
from pytest_django import DjangoDbBlocker

from chat.interactions import BotInteraction
from chat.managers import ConversationDocuments
from chat.models import Conversation, Message, Widget
from chat.services import open_conversation
from crm.authentication.services import sessions
from crm.core import redis_circuit_breaker, stores, tenancy
from crm.core.observability import metrics
from crm.customers.models import Customer
from crm.organizations.models import Membership, Organization, Role, User
from knowledge import embedding
from tests import templates
from tests import worker_stores as second
from tests.commands import _starter_ends
from tests.servers import (
    _module_worker,
    _session_server,
    _session_server_of_workers,
    _session_server_without_limits,
    unlimited_server,
    web_server,
    web_worker,
)
from tests.wiping import close, wipe

__all__ = [
    "_module_worker",
    "_session_server",
    "_session_server_of_workers",
    "_session_server_without_limits",
    "_starter_ends",
    "unlimited_server",
    "web_server",
    "web_worker",
]

PASSWORD = "correct horse battery"
FLUSHES = 5

# Tests make and compare the rows of several organizations. What they call says whose rows it is
# about, as everywhere: requests, sockets and tasks begin with nobody's.
tenancy.default_scope = tenancy.OPERATOR


@pytest.fixture(autouse=True)
def _nobody_forgot_whose_rows() -> Iterator[None]:
    """Fail a test in which rows were asked for on nobody's behalf."""
    before = set(tenancy._warned)
    yield
    assert tenancy._warned == before


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    """Say after a failure how to run in the same order again; the header is far above by then."""
    seed = config.getoption("randomly_seed", default=None)
    if exitstatus == pytest.ExitCode.TESTS_FAILED and seed is not None:
        terminalreporter.write_line(f"The same order again: --randomly-seed={seed}")


@pytest.fixture(autouse=True)
def _own_language() -> Iterator[None]:
    """Begin in the default language: a request leaves its language in the thread it ran in."""
    yield
    translation.deactivate()


# A file with a test that uses one of these has processes of its own to wait for.
LONG_FIXTURES = {"chromium", "unlimited_server", "web_server", "web_worker"}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files, so that no worker of a parallel run is alone with one in the end.

    Within the long and the short ones, files stay in their random order, and the tests in a file
    too, but for what ends all that they share.
    """
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    long_first = sorted(files.values(), key=lambda tests: not any(map(_is_long, tests)))
    items[:] = [item for tests in long_first for item in sorted(tests, key=_is_last)]


# So many new objects before the collector looks for cycles among them. With Python's own 700 it
# looks at the same ones again and again while a page is rendered.
COLLECTED_EVERY = 20_000


def pytest_collection_finish(session: pytest.Session) -> None:
    """Spare the collector the tests and modules, which last until the end of the run.

    Looking through some hundred thousand of them over and over is a tenth of what the tests cost.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECTED_EVERY, *gc.get_threshold()[1:])


def _is_last(item: pytest.Item) -> bool:
    return item.get_closest_marker("last") is not None


def _is_long(item: pytest.Item) -> bool:
    fixtures = getattr(item, "fixturenames", ())
    return item.get_closest_marker("long") is not None or not LONG_FIXTURES.isdisjoint(fixtures)


@pytest.fixture(scope="session", autouse=True)
def _patient_hints() -> Iterator[None]:
    """Let what tests announce themselves wait for a Redis that is late on a busy machine.

    A server goes on without a hint after a moment; a test would wait for what nobody repeats.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redis_circuit_breaker, "ANSWER_SECONDS", 60.0)
        yield


class RememberingModel:
    """The model, asked once for each text: the same few FAQs are indexed by hundreds of tests."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._vectors: dict[str, Any] = {}

    def query(self, texts: list[str]) -> list[Any]:
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if new:
            self._vectors.update(zip(new, self._model.query(new), strict=True))
        return [self._vectors[text] for text in texts]


@pytest.fixture(scope="session", autouse=True)
def _texts_are_embedded_once() -> Iterator[None]:
    load = embedding._model
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedding, "_model", lru_cache(lambda: RememberingModel(load())))
        yield


@pytest.fixture(scope="module", autouse=True)
def _requests_are_counted_anew() -> None:
    """Forget the requests of other files: `/metrics` tells a dozen lines of each view and status,
    and who reads it would read thousands.
    """
    metrics.http_request_seconds.clear()


@pytest.fixture(scope="session", autouse=True)
def _certificates_are_read_once() -> Iterator[None]:
    """Read the machine's authorities once: each client of httpx would, before it asks a loopback
    that speaks no TLS, and that costs more than the asking.
    """
    with pytest.MonkeyPatch.context() as patch:
        made = lru_cache(httpx_transports.create_ssl_context)
        patch.setattr(httpx_transports, "create_ssl_context", made)
        yield


@pytest.fixture(scope="session", autouse=True)
def _use_is_noted_once() -> Iterator[None]:
    """Look a session up once in a test: on a busy machine the minute after which it is looked up
    again ends within a test, and its queries would be counted among those of a page.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sessions, "_KNOWN_SECONDS", 3_600)
        yield


@pytest.fixture(scope="session", autouse=True)
def _flush_again() -> Iterator[None]:
    """Empty the tables once more where a server was still busy with a page that has closed.

    The flush locks all tables and the server's transaction some of them: PostgreSQL ends one of the
    two, and the answer to a deadlock is to try again.
    """
    teardown = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def patient(case: TransactionTestCase) -> None:
        flush_patiently(partial(wipe, partial(teardown, case)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", patient)
        yield


def flush_patiently(flush: Callable[[], object]) -> None:
    for attempt in range(FLUSHES):
        try:
            flush()
        except (CommandError, OperationalError) as failure:
            if attempt == FLUSHES - 1 or not is_deadlock(failure):
                raise
        else:
            return


def is_deadlock(failure: Exception) -> bool:
    cause = failure.__cause__ if isinstance(failure, CommandError) else failure
    return isinstance(cause, OperationalError) and isinstance(cause.__cause__, DeadlockDetected)


@pytest.fixture(scope="session", autouse=True)
def _mongo_closed() -> Iterator[None]:
    """Close what the tests opened: left to the garbage collector, it would be a warning."""
    yield
    if stores.mongo.cache_info().currsize:
        stores.mongo().close()


@pytest.fixture(scope="session")
def _template(django_db_modify_db_settings: None) -> templates.Template | None:
    return templates.of_this_run()


@pytest.fixture(scope="session")
def django_db_setup(
    _template: templates.Template | None, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """Make a second database, for the tests that run a worker."""
    with django_db_blocker.unblock():
        if _template:
            _template.keep()
        second.make()
    yield
    close()
    with django_db_blocker.unblock():
        second.drop()


@pytest.fixture(autouse=True)
def _stores_of_this_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """Use the second set of stores in a test that runs a worker."""
    if "worker_stores" not in request.fixturenames:
        yield
        return
    # Without the marker pytest-django makes no database where such a test runs alone.
    marker = request.node.get_closest_marker("django_db")
    if not marker or not marker.kwargs.get("transaction"):
        pytest.fail("A worker sees only what was committed: django_db(transaction=True).")
    request.getfixturevalue("django_db_setup")
    blocker: DjangoDbBlocker = request.getfixturevalue("django_db_blocker")
    with second.in_use():
        yield
        with blocker.unblock():
            flush = partial(call_command, "flush", verbosity=0, interactive=False)
            flush_patiently(partial(wipe, flush))


@pytest.fixture
def worker_stores(_stores_of_this_test: None) -> None:
    """Stores that a Celery worker may use too; whoever runs a worker requests them."""


@pytest.fixture(scope="session")
def _mongo_indexes() -> None:
    stores.mongo().drop_database(stores.mongo_db().name)
    Message.objects.create_indexes()
    ConversationDocuments.create_indexes()
    BotInteraction.objects.create_indexes()


@pytest.fixture
def stores_clean(_mongo_indexes: None) -> Iterator[None]:
    """Give a test empty MongoDB collections and an empty Redis."""
    yield
    for name in stores.mongo_db().list_collection_names():
        stores.mongo_db()[name].delete_many({})
    stores.redis().flushdb()
    cache.clear()


@pytest.fixture
def organization(db: None, stores_clean: None) -> Organization:
    return Organization.objects.create(name="Sunbean", slug="sunbean", language_code="en")


@pytest.fixture
def stranger_organization(db: None, stores_clean: None) -> Organization:
    return Organization.objects.create(name="Inkwell", slug="inkwell", language_code="en")


def make_member(organization: Organization, name: str, role: Role) -> Membership:
    user = User.objects.create(email=f"{name.lower()}@{organization.slug}.example", name=name)
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])
    return Membership.objects.create(organization=organization, user=user, role=role)


@pytest.fixture
def owner(organization: Organization) -> Membership:
    return make_member(organization, "Olga", Role.OWNER)


@pytest.fixture
def agent(organization: Organization) -> Membership:
    return make_member(organization, "Linh", Role.AGENT)


@pytest.fixture
def colleague(organization: Organization) -> Membership:
    return make_member(organization, "Marco", Role.AGENT)


@pytest.fixture
def viewer(organization: Organization) -> Membership:
    return make_member(organization, "Vera", Role.VIEWER)


@pytest.fixture
def stranger(stranger_organization: Organization) -> Membership:
    return make_member(stranger_organization, "Sam", Role.OWNER)


@pytest.fixture
def widget(organization: Organization) -> Widget:
    return Widget.objects.create(
        organization=organization, name="Shop", allowed_domains=["shop.example", "localhost"]
    )


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return Customer.objects.create(organization=organization, name="Minh")


@pytest.fixture
def conversation(customer: Customer, widget: Widget) -> Conversation:
    """A conversation of the bot that holds one message: ``seq`` 1."""
    return make_conversation(customer, widget)


def make_conversation(customer: Customer, widget: Widget, first: str = "first") -> Conversation:
    organization_id: UUID = customer.organization_id
    message = open_conversation(
        organization_id=organization_id,
        customer_id=customer.pk,
        widget=widget,
        language_code="en",
        content={"type": "text", "text": "Do you ship to Manila?"},
        client_message_id=first,
    )
    return Conversation.objects.get(pk=message.conversation_id)


@pytest.fixture
def root(db: None, stores_clean: None) -> User:
    """An operator who may do everything in the admin."""
    return User.objects.create_superuser("root@nextflow.example", PASSWORD, name="Rita")


@pytest.fixture
def operator(root: User) -> Client:
    """A browser that an operator is logged in with."""
    client = Client()
    client.force_login(root)
    return client
