"""Entry 21: clients that others generate of the document can call every operation of it."""

from pathlib import Path
from typing import Any

import pytest

from chat.models import Conversation
from crm.core.jobs.services import start_job
from crm.core.records import ListState, Record, get_record
from crm.core.records.bulk_jobs import start_bulk
from crm.core.transfer.exporting import start_export
from crm.core.transfer.formats import Format
from crm.core.transfer.importing import add_content, check_import, run_import, start_import
from crm.core.transfer.models import ImportMode
from crm.organizations.models import Membership
from tests.api.every_operation import walk
from tests.api.generated_clients import Client, ModelledClient, WrittenClient
from tests.api.test_schema import document, operations
from tests.conftest import PASSWORD
from tests.jobs.counting import COUNTING, finish
from tests.servers import LiveServer
from tests.transfer.files import ended

__all__ = ["document"]


def _begin_imports(by: Membership, record: Record) -> None:
    """Make an import that waits for its mapping, one that is checked, and one that is done."""
    content = b"Name,Email\nAn,an@shop.example\n,nobody\n"
    for steps in range(3):
        found = start_import(by=by, record=record, file_name="a.csv", size=len(content))
        add_content(by=by, import_id=found.pk, number=0, content=content)
        found = ended(found)
        if steps:
            check_import(
                by=by,
                import_id=found.pk,
                seen=found.job_id,
                mapping=found.mapping,
                mode=ImportMode.BOTH,
                key="email",
            )
            found = ended(found)
        if steps > 1:
            run_import(by=by, import_id=found.pk, seen=found.job_id)
            ended(found)


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
    customers = get_record("customers")
    exported = ListState(customers)
    language = customers.bulk_action("language")
    values = {"language_code": "ru"}
    finish(start_bulk(by=owner, state=exported, action=language, values=values))
    _begin_imports(owner, customers)
    finish(start_export(by=owner, state=exported, form=Format.CSV, has_bom=False, all_columns=True))
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
