"""FAQs and categories in the form in which they are compared from now on."""

from typing import Any

from django.db import migrations

from crm.core.text.renormalization import normalize_rows
from crm.core.text.normalization import normalize, normalize_line, search_key


def fold_lines(text: str) -> str:
    return "\n".join(map(search_key, text.split("\n")))


def normalize_knowledge(apps: Any, schema_editor: Any) -> None:
    normalize_rows(apps.get_model("knowledge", "FaqCategory"), {"name": normalize_line})
    normalize_rows(
        apps.get_model("knowledge", "Faq"),
        {
            "question": normalize_line,
            "answer": normalize,
            "phrasings": normalize_line,
            "folded_text": fold_lines,
        },
    )


class Migration(migrations.Migration):
    dependencies = [("knowledge", "0002_version_what_people_edit")]

    operations = [migrations.RunPython(normalize_knowledge, migrations.RunPython.noop)]
