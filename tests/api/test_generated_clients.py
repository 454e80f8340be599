"""Entry 21: clients that others generate of the document can call every operation of it."""

from pathlib import Path
from typing import Any

import pytest

from chat.models import Conversation
from crm.core.jobs.services import start_job
from crm.organizations.models import Membership
from tests.api.every_operation import walk
from tests.api.generated_clients import Client, ModelledClient, WrittenClient
from tests.api.test_schema import document, operations
from tests.conftest import PASSWORD
from tests.jobs.counting import COUNTING
from tests.servers import LiveServer

__all__ = ["document"]


@pytest.mark.parametrize("kind", ["written", "modelled"])
@pytest.mark.django_db(transaction=True)
def test_a_generated_client_calls_every_operation(
    web_server: LiveServer,
    owner: Membership,
    conversation: Conversation,
    document: dict[str, Any],
    tmp_path: Path,
    kind: str,
) -> None:
    start_job(by=owner, kind=COUNTING, data={"to": 1})
    described = {operation["operationId"] for _path, _method, operation in operations(document)}
    start_job(by=owner, kind=COUNTING, data={"to": 1})
    client: Client
    if kind == "written":
        client = written = WrittenClient(document, web_server.base_url, tmp_path)
        assert written.problems == []
    else:
        client = ModelledClient(document, web_server.base_url)
    assert set(walk(client, email=owner.user.email, password=PASSWORD)) == described
