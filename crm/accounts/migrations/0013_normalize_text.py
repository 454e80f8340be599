"""Names and addresses in the form in which they are compared from now on."""

from typing import Any

from django.db import migrations

from crm.core.text.renormalization import normalize_rows
from crm.core.text.normalization import normalize_email, normalize_line, search_key


def normalize(apps: Any, schema_editor: Any) -> None:
    users = apps.get_model("accounts", "User")
    person = {"name": normalize_line, "phone": normalize_line, "email": normalize_email}
    normalize_rows(users, person)
    normalize_rows(apps.get_model("account", "EmailAddress"), {"email": normalize_email})
    normalize_rows(apps.get_model("accounts", "Invitation"), {"email": normalize_email})
    for model in ("Organization", "CustomRole", "Team", "ApiKey"):
        normalize_rows(apps.get_model("accounts", model), {"name": normalize_line})
    for user in users.objects.order_by("pk").iterator(chunk_size=2000):
        text = search_key(f"{user.name} {user.email}")
        users.objects.filter(pk=user.pk).update(search_text=text)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0012_find_by_words"), ("account", "0009_emailaddress_unique_primary_email")]

    operations = [migrations.RunPython(normalize, migrations.RunPython.noop)]
