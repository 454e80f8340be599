"""What the tests of sockets and of the bot share."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from chat.interactions import BotInteraction
from chat.models import Conversation, Message
from chat.services import take_over
from chat.services.conversations import agent_sender
from crm.core.permissions import SystemPrincipal
from crm.organizations.models import Membership, Organization, Role
from knowledge.services import import_faqs, index_now
from tests.chat.clients import Client, at_work
from tests.chat.edits import say
from tests.conftest import make_member
from tests.knowledge.conftest import contents
from tests.organizations.people import make_team
from tests.servers import LiveServer, serving


@pytest.fixture(scope="session")
def _session_swift_server(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("swift-server")
    with serving(folder, CHAT_HEARTBEAT_SECONDS="1", CHAT_STUCK_SECONDS="1") as server:
        yield server


@pytest.fixture
def swift_server(
    transactional_db: None, stores_clean: None, _session_swift_server: LiveServer
) -> LiveServer:
    """A server whose heart beats every second, and whose patience is one second."""
    return _session_swift_server


@pytest_asyncio.fixture
async def inbox(web_server: LiveServer, agent: Membership) -> AsyncIterator[Client]:
    """An agent's socket."""
    async with at_work(web_server, agent) as client:
        yield client


@pytest.fixture
def knowing(organization: Organization) -> Organization:
    """The organization, with FAQs that the bot finds."""
    import_faqs(by=SystemPrincipal(organization.pk), contents=contents())
    index_now(organization_id=organization.pk)
    BotInteraction.objects.create_indexes()
    return organization


@pytest.fixture
def reply(conversation: Conversation, agent: Membership) -> Message:
    """An agent's answer: ``seq`` 3, after the one that took over."""
    take_over(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        by=agent,
    )
    return say(conversation, agent_sender(agent.user), "We do, for 5 euro.", "reply")


@pytest.fixture
def people(organization: Organization) -> dict[str, Membership]:
    """Three agents, two of whom share a team."""
    found = {name: make_member(organization, name, Role.AGENT) for name in ("me", "mate", "other")}
    make_team("Shared", found["me"], found["mate"])
    return found
