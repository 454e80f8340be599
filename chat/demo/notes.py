"""The notes that the demo's members wrote on customers."""

from chat.demo.conversations import Script
from chat.models import Conversation
from crm.core.models import Note
from crm.core.records import get_record
from crm.core.records.notes import create_note


def write_notes(scripts: list[Script]) -> None:
    """Write the notes of a conversation's customer unless there are any: people delete them."""
    record = get_record("customers")
    for script in scripts:
        wanted = script.data.get("customer_notes", ())
        conversation = Conversation.objects.filter(
            organization_id=script.widget.organization_id, opened_by=script.turn_id(0)
        ).first()
        if not wanted or conversation is None:
            continue
        row_id = conversation.customer_id
        notes = Note.objects.of_row(
            organization_id=conversation.organization_id, record=record.slug, row_id=row_id
        )
        if not notes.exists():
            for each in wanted:
                by = script.member(each["by"])
                create_note(by=by, record=record, row_id=row_id, text=each["text"])
