from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chat", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="alertsettings",
            name="version",
            field=models.PositiveBigIntegerField(default=1, editable=False),
        )
    ]
