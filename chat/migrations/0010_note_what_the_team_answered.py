"""Until where the team has answered: nobody else has to read that any more."""

from typing import Any

from django.db import migrations, models
from django.db.models import F, Q

BATCH = 2000


def note_answers(apps: Any, schema_editor: Any) -> None:
    """Note, as far as heads tell, that the team has answered all that the customer wrote."""
    heads = apps.get_model("chat", "Conversation").objects
    was_closed = Q(status="closed")
    was_replied = Q(last_message__sender_type="agent") & ~Q(last_message__type="note")
    is_answered = Q(waiting_since=None) & (was_replied | ~Q(replied_by=[]))
    found = heads.filter(was_closed | is_answered, inbound_total__gt=0, answered_inbound_total=0)
    # In steps: one statement would hold every head at once.
    ids = list(found.values_list("pk", flat=True))
    for start in range(0, len(ids), BATCH):
        heads.filter(pk__in=ids[start : start + BATCH]).update(
            answered_inbound_total=F("inbound_total")
        )


class Migration(migrations.Migration):
    dependencies = [("chat", "0009_normalize_text")]

    operations = [
        migrations.AddField(
            model_name="conversation",
            name="answered_inbound_total",
            field=models.BigIntegerField(default=0),
        ),
        migrations.RunPython(note_answers, migrations.RunPython.noop),
    ]
