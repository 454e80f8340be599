from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("customers", "0001_initial"),
    ]

    operations = [
        TrigramExtension(),
        migrations.AddIndex(
            model_name="customer",
            index=GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="customers_by_name"),
        ),
        migrations.AddIndex(
            model_name="customer",
            index=GinIndex(OpClass(Upper("email"), name="gin_trgm_ops"), name="customers_by_email"),
        ),
    ]
