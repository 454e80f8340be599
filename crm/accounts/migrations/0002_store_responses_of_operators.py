import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.RemoveConstraint(
            model_name="idempotentrequest", name="one_answer_per_idempotency_key"
        ),
        migrations.AlterField(
            model_name="idempotentrequest",
            name="organization",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="accounts.organization",
            ),
        ),
        migrations.AddConstraint(
            model_name="idempotentrequest",
            constraint=models.UniqueConstraint(
                fields=["organization", "actor", "key"],
                name="one_answer_per_idempotency_key",
                nulls_distinct=False,
            ),
        ),
    ]
