"""Steps of an import through its pages, each with its job run to its end."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from crm.core.transfer.models import Import
from tests.downloads import downloaded
from tests.jobs.counting import finish

NEW = "/app/import/customers/new/"
FILE = (
    "Name,Email,Phone,Language\n"
    "An,an@shop.example,+84 90 111,vi\n"
    "Bo,BO@shop.example,,Tiếng Việt\n"
    "Carla,carla@shop.example,call me,\n"
    "Dora,an@shop.example,,\n"
    ",,+84 90 222,xx\n"
    "Eve,,,ru\n"
)


def ended(found: Import) -> Import:
    found.refresh_from_db()
    assert found.job
    finish(found.job)
    found.refresh_from_db()
    return found


def uploaded(browser: Client, content: bytes, name: str = "people.csv") -> Import:
    answer = browser.post(NEW, {"file": SimpleUploadedFile(name, content)})
    assert answer.status_code == 302, answer.content
    found = Import.objects.latest("created_at")
    assert answer["Location"] == f"/app/import/{found.pk}/"
    return ended(found)


def press(browser: Client, found: Import, do: str, **fields: str) -> Any:
    """Return the answer to a button of the page that shows the import as it is given."""
    seen = {"job": str(found.job_id or "")}
    return browser.post(f"/app/import/{found.pk}/{do}/", seen | fields)


def post(browser: Client, found: Import, do: str, **fields: str) -> Import:
    answer = press(browser, found, do, **fields)
    assert answer.status_code == 302, answer.content
    return ended(found)


def checked(browser: Client, found: Import, mode: str = "both", key: str = "email") -> Import:
    columns = {f"column-{number}": name for number, name in enumerate(found.mapping)}
    return post(browser, found, "check", mode=mode, key=key, **columns)


def imported(browser: Client, content: str = FILE, **how: str) -> Import:
    return post(browser, checked(browser, uploaded(browser, content.encode()), **how), "run")


def faults(browser: Client, found: Import) -> str:
    answer: Any = browser.post(f"/app/import/{found.pk}/faults/")
    assert answer.status_code == 200
    return downloaded(answer).decode()


def counts(report: dict[str, Any]) -> tuple[int, int, int, int]:
    return (report["created"], report["updated"], report["unchanged"], report["faulty"])
