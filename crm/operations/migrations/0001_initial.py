import crm.core.ids
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='StoreProbe',
            fields=[
                ('host', models.CharField(max_length=255, primary_key=True, serialize=False)),
                ('token', models.UUIDField()),
                ('written_at', models.DateTimeField(auto_now=True)),
            ],
        ),
        migrations.CreateModel(
            name='CheckRun',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('reconcile', 'Stores compared'), ('audit', 'Audit verified')], max_length=10, verbose_name='kind')),
                ('started_at', models.DateTimeField(verbose_name='began')),
                ('finished_at', models.DateTimeField(verbose_name='finished')),
                ('examined', models.BigIntegerField(verbose_name='examined')),
                ('differences', models.BigIntegerField(verbose_name='differences')),
                ('repaired', models.BigIntegerField(default=0, verbose_name='repaired')),
                ('counts', models.JSONField(default=dict, verbose_name='differences by kind')),
                ('found', models.JSONField(default=list, verbose_name='the first of them')),
            ],
            options={
                'verbose_name': 'check',
                'verbose_name_plural': 'checks',
                'indexes': [models.Index(fields=['kind', '-id'], name='checks_newest_first')],
            },
        ),
    ]
