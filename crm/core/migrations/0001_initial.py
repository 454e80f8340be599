import crm.core.ids
import crm.core.versions
import django.contrib.postgres.operations
import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('organizations', '0001_initial'),
    ]

    operations = [
        django.contrib.postgres.operations.UnaccentExtension(
        ),
        migrations.CreateModel(
            name='IdempotentRequest',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='organizations.organization')),
                ('actor', models.CharField(max_length=80)),
                ('key', models.CharField(max_length=255)),
                ('fingerprint', models.CharField(max_length=64)),
                ('status', models.PositiveSmallIntegerField()),
                ('body', models.TextField()),
                ('location', models.CharField(blank=True, max_length=500)),
                ('created_at', models.DateTimeField()),
            ],
            options={
                'verbose_name': 'idempotent request',
                'verbose_name_plural': 'idempotent requests',
                'indexes': [models.Index(fields=['created_at'], name='idempotent_requests_by_age')],
                'constraints': [models.UniqueConstraint(fields=('organization', 'actor', 'key'), name='one_answer_per_idempotency_key', nulls_distinct=False)],
            },
        ),
        migrations.CreateModel(
            name='UndoableAction',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='organizations.organization')),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('key_id', models.UUIDField(null=True)),
                ('kind', models.CharField(max_length=40)),
                ('data', models.JSONField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('undone_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'verbose_name': 'undoable action',
                'verbose_name_plural': 'undoable actions',
                'indexes': [models.Index(fields=['created_at'], name='undoable_actions_by_age')],
            },
        ),
        migrations.CreateModel(
            name='SavedView',
            fields=[
                ('version', models.PositiveBigIntegerField(default=1, editable=False)),
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='organizations.organization')),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='saved_views', to=settings.AUTH_USER_MODEL)),
                ('record', models.CharField(max_length=40, verbose_name='record')),
                ('name', models.CharField(max_length=60, verbose_name='name')),
                ('is_shared', models.BooleanField(default=False, verbose_name='shared')),
                ('state', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'verbose_name': 'saved view',
                'verbose_name_plural': 'saved views',
                'constraints': [models.UniqueConstraint(models.F('organization'), models.F('record'), models.F('owner'), django.db.models.functions.text.Lower('name'), name='one_saved_view_per_name')],
            },
        ),
        migrations.CreateModel(
            name='DefaultView',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='organizations.organization')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('record', models.CharField(max_length=40)),
                ('view', models.CharField(max_length=40)),
            ],
            options={
                'verbose_name': 'default view',
                'verbose_name_plural': 'default views',
                'constraints': [models.UniqueConstraint(fields=('organization', 'user', 'record'), name='one_default_view_per_list')],
            },
        ),
        migrations.CreateModel(
            name='Note',
            fields=[
                ('version', models.PositiveBigIntegerField(default=1, editable=False)),
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='organizations.organization')),
                ('record', models.CharField(editable=False, max_length=40, verbose_name='record')),
                ('row_id', models.UUIDField(editable=False)),
                ('author', models.ForeignKey(editable=False, null=True, on_delete=crm.core.versions.set_null_and_raise_version, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('actor', models.CharField(default='', editable=False, max_length=64)),
                ('author_name', models.CharField(editable=False, max_length=255)),
                ('text', models.TextField(max_length=5000, verbose_name='note')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('edited_at', models.DateTimeField(editable=False, null=True)),
                ('orphaned_at', models.DateTimeField(editable=False, null=True)),
            ],
            options={
                'verbose_name': 'note',
                'verbose_name_plural': 'notes',
                'indexes': [models.Index(fields=['organization', 'record', 'row_id', '-created_at', '-id'], name='notes_of_row')],
            },
        ),
        migrations.CreateModel(
            name='StoredText',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(max_length=63)),
                ('size', models.BigIntegerField()),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='organizations.organization')),
            ],
            options={
                'verbose_name': 'bytes of stored text',
                'verbose_name_plural': 'bytes of stored text',
                'indexes': [models.Index(fields=['organization', 'source'], include=('size',), name='text_by_source')],
            },
        ),
    ]
