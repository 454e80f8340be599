"""Customers in the form in which they are compared, with the words by which they are found."""

from typing import Any

from django.db import migrations

from crm.core.ids import uuid7
from crm.core.text.renormalization import normalize_rows
from crm.core.text.normalization import normalize_email, normalize_line
from crm.customers.search import searched_words

BATCH = 1000


def normalize(apps: Any, schema_editor: Any) -> None:
    customers = apps.get_model("customers", "Customer")
    words = apps.get_model("customers", "CustomerWord")
    forms = {"name": normalize_line, "phone": normalize_line, "email": normalize_email}
    normalize_rows(customers, forms)
    # Visitors of whom nothing is known have no words.
    known = customers.objects.exclude(name="", email="", phone="").order_by("pk")
    batch: list[Any] = []
    for customer in known.iterator(chunk_size=2000):
        theirs = searched_words(name=customer.name, email=customer.email, phone=customer.phone)
        customers.objects.filter(pk=customer.pk).update(search_text=" ".join(theirs))
        batch += [
            words(
                id=uuid7(),
                organization_id=customer.organization_id,
                customer_id=customer.pk,
                word=word,
            )
            for word in theirs
        ]
        if len(batch) >= BATCH:
            words.objects.bulk_create(batch)
            batch = []
    words.objects.bulk_create(batch)


class Migration(migrations.Migration):
    dependencies = [("customers", "0006_find_by_words")]

    operations = [migrations.RunPython(normalize, migrations.RunPython.noop)]
