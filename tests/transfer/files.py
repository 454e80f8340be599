"""Imports of a file from its upload to its end, without pages."""

from crm.core.jobs.models import JobState
from crm.core.records import Record
from crm.core.transfer.importing import add_content, check_import, run_import, start_import
from crm.core.transfer.models import Import, ImportMode
from crm.organizations.models import Membership
from tests.jobs.counting import finish


def import_file(by: Membership, record: Record, content: bytes) -> dict[str, int]:
    """Import a file with its guessed mapping; return what became of how many rows."""
    found = start_import(by=by, record=record, file_name="file.csv", size=len(content))
    add_content(by=by, import_id=found.pk, number=0, content=content)
    found = ended(found)
    key = record.import_keys[0].field
    check_import(
        by=by,
        import_id=found.pk,
        seen=found.job_id,
        mapping=found.mapping,
        mode=ImportMode.BOTH,
        key=key,
    )
    found = ended(found)
    preview = found.preview
    run_import(by=by, import_id=found.pk, seen=found.job_id)
    report = ended(found).report
    assert report == preview
    return {name: count for name, count in report.items() if isinstance(count, int) and count}


def ended(found: Import) -> Import:
    """Run the present job of an import to its end."""
    found.refresh_from_db()
    assert found.job
    assert finish(found.job).state == JobState.DONE
    found.refresh_from_db()
    return found
