"""Thousands of requests made from the API's own document, sent to a real server.

No answer may be a 5xx, have a status or a content type that the document does not name, or a body
of another form. It runs as the owner's token for what a chat needs, and as the owner's key for the
rest: together they may everything. Each run visits every operation, with a part of the requests
that are derived from its schema; which, says the run's seed.
"""

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpRequest

from chat.models import Conversation
from crm.authentication import access_tokens
from crm.authentication.services.api_keys import create_api_key
from crm.authentication.services.token_families import start_family
from crm.core.http.user_agent import Client
from crm.core.permissions import SCOPES
from crm.organizations.models import Membership
from tests.commands import CHECKOUT
from tests.servers import LiveServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)
# Tags of the document. Some of what they hold is for people only, which is why no key asks for it.
CHAT = ("access", "conversations", "streams", "widget")
# So many are made up for an operation, after those that the phase "coverage" derives.
MADE_UP = 4


def key_of(owner: Membership) -> str:
    return create_api_key(by=owner, name="Checks", scopes=SCOPES, expires_at=None).text


def token_of(owner: Membership) -> str:
    family = start_family(
        membership=owner, checked=owner.user, client=Client.of(HttpRequest())
    ).family
    return access_tokens.issue(
        user_id=owner.user_id, organization_id=owner.organization_id, family_id=family.pk
    )


@pytest.mark.parametrize(
    ("credential", "choice"), [(key_of, "exclude"), (token_of, "include")], ids=["key", "token"]
)
def test_no_request_of_the_document_meets_a_surprise(
    unlimited_server: LiveServer,
    owner: Membership,
    conversation: Conversation,
    tmp_path: Path,
    credential: Any,
    choice: str,
) -> None:
    secret, server = credential(owner), unlimited_server
    turn = random.randrange(1000)  # noqa: S311  follows the seed of the run
    told_before = server.log.stat().st_size
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "st"),
            "run",
            f"{server.base_url}/api/v1/openapi.json",
            f"--header=Authorization: Bearer {secret}",
            f"--checks={','.join(CHECKS)}",
            *(f"--{choice}-tag={tag}" for tag in CHAT),
            "--phases=examples,coverage,fuzzing",
            f"--max-examples={MADE_UP}",
            "--continue-on-failure",
            "--seed=1",
            "--no-shrink",
            "--suppress-health-check=all",
            "--warnings=off",
            "--request-timeout=60",
            "--report=junit",
            f"--report-junit-path={tmp_path / 'report.xml'}",
        ],
        cwd=tmp_path,
        env=os.environ
        | {
            "PYTHONPATH": str(CHECKOUT),
            "SCHEMATHESIS_HOOKS": "tests.api.schemathesis_share",
            "SCHEMATHESIS_TURN": str(turn),
        },
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    log = server.log.read_bytes()[told_before:].decode()
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "Traceback" not in log
