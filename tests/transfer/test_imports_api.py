"""Imports over HTTP do what their pages do: by the same services, with the same limits."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from crm.authentication.services.api_keys import create_api_key
from crm.core.jobs.models import Job
from crm.core.permissions import SCOPES, Level, Module
from crm.core.transfer import import_jobs
from crm.core.transfer.importing import SMALLEST_PART, UPLOADED_AT_ONCE
from crm.core.transfer.models import Import, ImportPart
from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.api.conftest import Api
from tests.downloads import downloaded
from tests.jobs.counting import finish
from tests.organizations.people import member_with, rights

pytestmark = pytest.mark.django_db

IMPORTS = "/api/v1/imports"
CSV = b"Name,Email,Language\nAn,an@shop.example,vi\nBo,bo@shop.example,xx\n"


@pytest.fixture
def api(owner: Membership) -> Api:
    return Api(owner)


def upload(api: Api, content: bytes = CSV, *, key: str = "", name: str = "people.csv") -> Any:
    file = SimpleUploadedFile(name, content)
    headers = {"Idempotency-Key": key} if key else {}
    return api.client.post(IMPORTS, {"record": "customers", "file": file}, headers=headers)


def send_part(api: Api, one: str, number: int, content: bytes) -> Any:
    part = SimpleUploadedFile("part", content)
    return api.client.post(f"{one}/parts", {"number": number, "part": part})


def ended(api: Api, one: str) -> dict[str, Any]:
    """Run the job of an import; return the import."""
    finish(Job.objects.get(pk=api.get(one).json()["job"]))
    found: dict[str, Any] = api.get(one).json()
    return found


def checked(api: Api, content: bytes = CSV) -> str:
    """Upload a file and preview it; return its address."""
    one: str = upload(api, content)["Location"]
    ended(api, one)
    assert api.post(f"{one}/check", {"key": "email"}).status_code == 202
    assert ended(api, one)["state"] == "checked"
    return one


def test_a_file_is_uploaded_mapped_previewed_imported_and_undone(api: Api) -> None:
    made = upload(api)
    assert (made.status_code, made.json()["state"]) == (201, "reading")
    one = made["Location"]
    read = ended(api, one)
    assert (read["state"], read["columns"]) == ("mapping", ["Name", "Email", "Language"])
    assert read["mapping"] == ["name", "email", "language"]
    assert read["sample"][0] == ["An", "an@shop.example", "vi"]
    assert {"name": "email", "heading": "Email address", "is_key": True} in read["target_fields"]
    assert (read["preview"], read["report"]) == (None, None)
    wrong: tuple[tuple[dict[str, Any], str], ...] = (
        ({"mapping": ["name", "email", "language_code"]}, "import_mapping_invalid"),
        ({"mapping": ["name"]}, "import_mapping_invalid"),
        ({"mapping": ["name", "name", ""]}, "import_mapping_invalid"),
        ({"key": "name"}, "import_mapping_invalid"),
        ({"mode": "update"}, "import_mapping_invalid"),
        ({"mode": "all"}, "invalid_field"),
    )
    for body, code in wrong:
        assert api.post(f"{one}/check", body).json()["code"] == code
    began = api.post(f"{one}/check", {"mapping": ["name", "email", "language"], "key": "email"})
    assert (began.status_code, began.json()["state"]) == (202, "checking")
    assert began["Location"] == f"/api/v1/jobs/{began.json()['job']}"
    preview = ended(api, one)["preview"]
    assert [preview[name] for name in ("created", "updated", "unchanged", "faulty")] == [1, 0, 0, 1]
    (fault,) = [each for each in preview["examples"] if each["kind"] == "faulty"]
    assert (fault["number"], fault["faults"][0]["field"]) == (3, "Language")
    assert not Customer.objects.exists()
    assert api.post(f"{one}/run", {}).status_code == 202
    done = ended(api, one)
    assert (done["state"], done["report"], done["is_undoable"]) == ("done", preview, True)
    assert Customer.objects.get().name == "An"
    told = api.get(f"/api/v1/jobs/{done['job']}").json()["report"]["counts"]
    assert told == {"created": 1, "updated": 0, "unchanged": 0, "faulty": 1}
    assert b"bo@shop.example" in downloaded(api.get(f"{one}/faults"))
    undone = api.post(f"/api/v1/jobs/{done['job']}/undo")
    assert undone.status_code == 202, undone.content
    assert ended(api, one)["undo_report"] == {"removed": 1}
    assert not Customer.objects.exists()
    report = api.get(undone["Location"]).json()["report"]
    assert report == {"counts": {"removed": 1}, "left_out": []}
    for path in (f"/api/v1/jobs/{done['job']}/undo", f"{one}/undo", f"{one}/run"):
        assert api.post(path, {}).status_code == 409


def test_what_was_changed_since_stays_and_is_counted(api: Api) -> None:
    one = checked(api, b"Name,Email\nAn,an@shop.example\nBo,bo@shop.example\n")
    api.post(f"{one}/run", {})
    ended(api, one)
    Customer.objects.filter(name="An").update(name="Anh")
    assert api.post(f"{one}/undo", {}).status_code == 202
    assert ended(api, one)["undo_report"] == {"removed": 1, "changed": 1}


def test_a_large_file_comes_in_parts(api: Api) -> None:
    content = b"Name,Email,More\n" + b"An,an@shop.example,%s\n" % (b"x" * 9_000) * 70
    assert UPLOADED_AT_ONCE < len(content) < 2 * UPLOADED_AT_ONCE
    asked = {"record": "customers", "file_name": "many.csv", "size": len(content)}
    made = api.client.post(IMPORTS, asked)
    assert (made.status_code, made.json()["state"]) == (201, "uploading")
    one = made["Location"]
    first, second = content[:UPLOADED_AT_ONCE], content[UPLOADED_AT_ONCE:]
    assert send_part(api, one, 1, second).json()["code"] == "import_not_ready"
    for _again in range(2):
        assert send_part(api, one, 0, first).json()["state"] == "uploading"
    assert send_part(api, one, 1, second).json()["state"] == "reading"
    assert ended(api, one)["rows"] == 70


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"record": "customers"}, 400, "invalid_field"),
        ({"record": "nothing", "file_name": "a.csv", "size": 1}, 400, "invalid_field"),
        ({"record": "customers", "file_name": "a.csv"}, 400, "invalid_field"),
        ({"record": "customers", "file_name": "a.csv", "size": "x"}, 400, "invalid_field"),
        ({"record": "customers", "file_name": "a.csv", "size": 0}, 400, "import_file_invalid"),
        ({"record": "customers", "file_name": "a", "size": 10**9}, 400, "import_file_invalid"),
        ({"record": "customers", "other": 1}, 400, "unknown_field"),
    ],
)
def test_what_is_no_upload_is_refused(
    api: Api, fields: dict[str, Any], status: int, code: str
) -> None:
    answer = api.client.post(IMPORTS, fields)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Import.objects.exists()


def test_uploads_are_forms_of_a_bounded_size(api: Api) -> None:
    as_json = api.post(IMPORTS, {"record": "customers"})
    assert (as_json.status_code, as_json.json()["code"]) == (415, "unsupported_media_type")
    assert upload(api, b"x" * 2**20).status_code == 413
    broken = api.client.generic(
        "POST", IMPORTS, b"--x", content_type="multipart/form-data; boundary=y"
    )
    assert broken.status_code == 400
    assert not Import.objects.exists()


def test_rows_are_sent_as_text(api: Api) -> None:
    sent = {"record": "customers", "text": "Name\tEmail\r\nAn\tan@shop.example\r\n"}
    made = api.client.post(IMPORTS, sent)
    assert made.status_code == 201, made.content
    assert ended(api, made["Location"])["sample"] == [["An", "an@shop.example"]]
    both = api.client.post(IMPORTS, sent | {"file": SimpleUploadedFile("a.csv", CSV)})
    assert (both.status_code, both.json()["field"]) == (400, "file")
    asked = {"record": "faqs", "text": "Do you ship?\nYes.\n\nWhere?\nHere."}
    faqs = ended(api, api.client.post(IMPORTS, asked)["Location"])
    assert (faqs["state"], faqs["rows"]) == ("mapping", 2)


def test_the_same_upload_again_is_one_import_and_another_file_is_none(api: Api) -> None:
    first = upload(api, key="once")
    assert upload(api, key="once").json() == first.json()
    other = upload(api, CSV + b"Cy,cy@shop.example,\n", key="once")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert Import.objects.count() == 1


def test_a_file_is_read_anew_cancelled_and_discarded(api: Api) -> None:
    one = upload(api, "Name;Email\nЖан;zh@shop.example\n".encode("cp1251"))["Location"]
    assert ended(api, one)["encoding"] == "cp1251"
    assert api.post(f"{one}/read", {"encoding": "latin"}).status_code == 400
    again = api.post(f"{one}/read", {"encoding": "cp1252", "delimiter": ";"})
    assert (again.status_code, again.json()["state"]) == (202, "reading")
    assert api.delete(one).json()["code"] == "import_not_ready"
    for _again in range(2):
        assert api.post(f"{one}/cancel").json()["state"] == "failed"
    assert api.delete(one).status_code == 204
    assert api.get(one).status_code == 404
    waiting = api.client.post(IMPORTS, {"record": "customers", "file_name": "a.csv", "size": 9})
    assert api.post(f"{waiting['Location']}/cancel").json()["code"] == "import_not_ready"


def test_a_cancelled_import_keeps_what_it_did(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_jobs, "BATCH", 1)
    one = checked(api, b"Name,Email\nAn,an@shop.example\nBo,bo@shop.example\n")
    api.post(f"{one}/run", {})
    cancelled = api.post(f"{one}/cancel").json()
    assert (cancelled["state"], cancelled["report"]) == ("checked", None)
    assert not Customer.objects.exists()


def test_it_goes_on_from_what_was_seen_alone(api: Api) -> None:
    one = checked(api)
    seen = api.get(one).json()["job"]
    api.post(f"{one}/check", {"key": "email", "mode": "create"})
    ended(api, one)
    stale = api.post(f"{one}/run", {"job": seen})
    assert (stale.status_code, stale.json()["code"]) == (409, "import_not_ready")
    assert api.post(f"{one}/run", {"job": api.get(one).json()["job"]}).status_code == 202


def test_imports_are_those_of_who_may_change_all(
    api: Api, owner: Membership, agent: Membership, viewer: Membership, stranger: Membership
) -> None:
    one = checked(api)
    assert [each["state"] for each in api.get(IMPORTS).json()["results"]] == ["checked"]
    assert api.get(IMPORTS, {"state": "done"}).json()["results"] == []
    assert upload(Api(viewer)).status_code == 403
    for member in (viewer, agent, stranger):
        other = Api(member)
        assert other.get(IMPORTS).json()["results"] == []
        assert other.get(one).status_code in {403, 404}
        for step in ("read", "check", "run", "cancel", "undo"):
            assert other.post(f"{one}/{step}", {}).status_code in {403, 404}, step
        assert other.delete(one).status_code in {403, 404}
        assert other.get(f"{one}/faults").status_code in {403, 404}
        assert send_part(other, one, 0, b"x").status_code in {403, 404}
    key = create_api_key(by=owner, name="All", scopes=SCOPES, expires_at=None).text
    refused = api.client.post(
        IMPORTS,
        {"record": "customers", "file_name": "a.csv", "size": 9},
        headers={"Authorization": f"Bearer {key}"},
    )
    assert (refused.status_code, refused.json()["code"]) == (404, "import_not_found")
    assert json.loads(refused.content)["detail"]


def test_who_may_not_import_sees_neither_the_file_nor_what_was_wrong_with_it(
    api: Api, owner: Membership
) -> None:
    one = upload(api, b"Name\n", name="secret-clients.csv")["Location"]
    job = finish(Job.objects.get())
    assert (job.state, job.error_code) == ("failed", "import_file_invalid"), one
    (seen,) = api.get("/api/v1/jobs").json()["results"]
    assert "secret-clients" in seen["title"]
    assert seen["error"] == {"code": job.error_code, "message": job.error}
    manager = member_with(owner.organization, "Mai", rights(Module.SETTINGS, Level.ALL, Level.ALL))
    (told,) = Api(manager).get("/api/v1/jobs").json()["results"]
    assert told["title"] == "Reading of a file"
    assert told["error"] == {"code": job.error_code, "message": job.error_code}
    browser = Client()
    browser.force_login(manager.user)
    for address in (reverse("jobs:list"), reverse("jobs:job", args=[job.pk])):
        page = browser.get(address).content.decode()
        assert "Reading of a file" in page, address
        assert "secret-clients" not in page
        assert job.error not in page


def test_parts_but_the_last_have_a_smallest_size(api: Api) -> None:
    content = b"Name\n" + b"An\n" * SMALLEST_PART
    asked = {"record": "customers", "file_name": "many.csv", "size": SMALLEST_PART + 1}
    one = api.client.post(IMPORTS, asked)["Location"]
    for length in (1, SMALLEST_PART - 1):
        small = send_part(api, one, 0, content[:length])
        assert (small.status_code, small.json()["code"]) == (400, "import_part_too_small")
    assert not ImportPart.objects.exists()
    first, last = content[:SMALLEST_PART], content[SMALLEST_PART : SMALLEST_PART + 1]
    assert send_part(api, one, 0, first).json()["state"] == "uploading"
    assert send_part(api, one, 1, last).json()["state"] == "reading"
