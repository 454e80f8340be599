"""Names of widgets and labels in the form in which they are compared from now on."""

from typing import Any

from django.db import migrations
from django.db.models import Q

from crm.core.text.renormalization import normalize_rows
from crm.core.text.normalization import normalize_line


def normalize(apps: Any, schema_editor: Any) -> None:
    normalize_rows(apps.get_model("chat", "Widget"), {"name": normalize_line})
    labelled = apps.get_model("chat", "Conversation")
    normalize_rows(labelled, {"labels": normalize_line}, only=~Q(labels=[]))


class Migration(migrations.Migration):
    dependencies = [("chat", "0008_alerts")]

    operations = [migrations.RunPython(normalize, migrations.RunPython.noop)]
