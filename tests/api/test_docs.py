"""The pages about the API say what is there, and their commands work as they stand."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

from chat.models import Conversation
from crm.authentication.models import ApiKey
from crm.core.ratelimit.rates import parse_rate
from crm.customers.models import Customer
from crm.organizations.models import Role
from tests.conftest import make_member
from tests.servers import LiveServer

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
GUIDE = (DOCS / "api.md").read_text()
LIMITS = (DOCS / "api" / "limits.md").read_text()
PASSWORD = "correct horse battery"


def test_limits_are_those_of_the_settings() -> None:
    rows = dict(re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \| .* \| (.*) \|$", LIMITS, re.MULTILINE))
    expected = {}
    for name, text in settings.RATE_LIMIT_DEFAULTS.items():
        rate = parse_rate(text)
        assert rate is not None
        at_once = "" if rate.burst == rate.count else f", {rate.burst:,} at once"
        expected[name] = f"{rate.count:,} in {rate.seconds:,} s{at_once}"
    assert rows == expected


@pytest.mark.django_db(transaction=True)
def test_the_guides_commands_lead_from_nothing_to_a_list(
    web_server: LiveServer, conversation: Conversation, tmp_path: Path
) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    assert shutil.which("curl"), "The guide's commands need curl."
    owner = make_member(conversation.organization, "Olga", Role.OWNER)
    given = {
        "NEXTFLOW=http://localhost:8000": f"NEXTFLOW={web_server.base_url}",
        "EMAIL=owner@demo.example": f"EMAIL={owner.user.email}",
        "PASSWORD=nextflow-demo": f"PASSWORD='{PASSWORD}'",
    }
    blocks = re.findall(r"^```sh\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    script = "set -euo pipefail\n" + "\necho\n".join(blocks)
    for written, ours in given.items():
        assert script.count(written) == 1
        script = script.replace(written, ours)
    done = subprocess.run(
        [bash, "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    conversations, customer = answers
    assert [row["id"] for row in conversations["results"]] == [str(conversation.pk)]
    assert set(conversations["results"][0]) == {"id", "status", "customer", "last_message"}
    assert Customer.objects.filter(pk=customer["id"], email="minh@example.com").exists()
    key = ApiKey.objects.get()
    assert (key.name, key.organization_id) == ("First steps", conversation.organization_id)


def test_the_demo_has_the_person_of_the_guide() -> None:
    people = json.loads((DOCS.parent / "chat" / "demo" / "people.json").read_text())
    (owner,) = (each for each in people if each["email"] == "owner@demo.example")
    assert owner["memberships"][0]["role"] == "owner"
    assert settings.DEMO_PASSWORD == "nextflow-demo"
