import chat.models.conversation
import chat.models.widget
import chat.widget_texts
import crm.core.ids
import crm.core.versions
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('customers', '0001_initial'),
        ('organizations', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Widget',
            fields=[
                ('version', models.PositiveBigIntegerField(default=1, editable=False)),
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='widgets', to='organizations.organization')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('site_key', models.CharField(default=chat.models.widget.new_site_key, editable=False, max_length=64, unique=True)),
                ('allowed_domains', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=255), blank=True, default=list, size=None, verbose_name='allowed domains')),
                ('color', models.CharField(default='#8a4b2a', max_length=7, validators=[django.core.validators.RegexValidator('^#[0-9A-Fa-f]{6}\\Z', 'Choose a colour, as #8a4b2a.', 'invalid_color')], verbose_name='colour')),
                ('position', models.CharField(choices=[('right', 'Right'), ('left', 'Left')], default='right', max_length=5, verbose_name='position')),
                ('texts', models.JSONField(blank=True, default=dict, validators=[chat.widget_texts.validate_texts], verbose_name='texts')),
                ('bot_enabled', models.BooleanField(default=True, verbose_name='the bot answers first')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('paused_at', models.DateTimeField(blank=True, null=True, verbose_name='paused at')),
                ('styled_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('last_seen_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('last_seen_origin', models.CharField(blank=True, default='', editable=False, max_length=300)),
                ('refused_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('refused_origin', models.CharField(blank=True, default='', editable=False, max_length=300)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'verbose_name': 'widget',
                'verbose_name_plural': 'widgets',
            },
        ),
        migrations.CreateModel(
            name='SetupGuide',
            fields=[
                ('organization', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='organizations.organization')),
                ('dismissed_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'verbose_name': 'setup checklist',
                'verbose_name_plural': 'setup checklists',
            },
        ),
        migrations.CreateModel(
            name='Conversation',
            fields=[
                ('version', models.PositiveBigIntegerField(default=1, editable=False)),
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='conversations', to='organizations.organization')),
                ('customer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='conversations', to='customers.customer')),
                ('widget', models.ForeignKey(blank=True, null=True, on_delete=crm.core.versions.set_null_and_raise_version, related_name='conversations', to='chat.widget')),
                ('channel', models.CharField(choices=[('website', 'Website')], default='website', max_length=20)),
                ('status', models.CharField(choices=[('bot', 'With the bot'), ('open', 'Open'), ('snoozed', 'Snoozed'), ('closed', 'Closed')], default='open', max_length=10)),
                ('priority', models.CharField(choices=[('low', 'Low'), ('medium', 'Medium'), ('high', 'High')], default='medium', max_length=10)),
                ('labels', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=50), blank=True, default=list, size=None)),
                ('language_code', models.CharField(blank=True, max_length=10)),
                ('assignee', models.ForeignKey(blank=True, null=True, on_delete=crm.core.versions.set_null_and_raise_version, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('epoch', models.CharField(default=chat.models.conversation.new_epoch, editable=False, max_length=16)),
                ('opened_by', models.CharField(editable=False, max_length=64)),
                ('last_seq', models.BigIntegerField(default=0)),
                ('inbound_total', models.BigIntegerField(default=0)),
                ('answered_inbound_total', models.BigIntegerField(default=0)),
                ('last_message_at', models.DateTimeField()),
                ('last_message', models.JSONField(blank=True, default=dict)),
                ('last_customer_message', models.JSONField(blank=True, default=dict)),
                ('waiting_since', models.DateTimeField(blank=True, null=True)),
                ('escalated_at', models.DateTimeField(blank=True, null=True)),
                ('replied_by', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), blank=True, default=list, size=None)),
                ('customer_seen_seq', models.BigIntegerField(default=0)),
                ('is_over_quota', models.BooleanField(default=False, editable=False)),
                ('snoozed_until', models.DateTimeField(blank=True, null=True)),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'verbose_name': 'conversation',
                'verbose_name_plural': 'conversations',
                'indexes': [models.Index(fields=['organization', 'status', '-last_message_at', '-id'], name='inbox_by_status'), models.Index(fields=['organization', 'status', 'assignee', '-last_message_at', '-id'], name='inbox_by_assignee'), models.Index(condition=models.Q(('waiting_since__isnull', False)), fields=['organization', 'status', 'waiting_since', 'id'], name='inbox_by_wait'), models.Index(condition=models.Q(('waiting_since__isnull', False)), fields=['organization', 'status', 'assignee', 'waiting_since', 'id'], name='inbox_by_assignee_and_wait'), models.Index(condition=models.Q(('assignee__isnull', False), ('status', 'open'), ('waiting_since__isnull', False)), fields=['waiting_since'], name='assigned_and_waiting'), models.Index(fields=['customer', '-id'], name='conversations_of_customer'), models.Index(condition=models.Q(('status', 'snoozed')), fields=['snoozed_until'], name='snoozed_conversations'), models.Index(fields=['organization', '-updated_at'], name='inbox_latest_change')],
                'constraints': [models.UniqueConstraint(fields=('customer', 'opened_by'), name='one_conversation_per_first_message')],
            },
        ),
        migrations.CreateModel(
            name='ConversationSize',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='organizations.organization')),
                ('conversation', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='size', to='chat.conversation')),
                ('text_bytes', models.BigIntegerField(default=0)),
                ('measured_at', models.DateTimeField()),
            ],
            options={
                'verbose_name': 'size of a conversation',
                'verbose_name_plural': 'sizes of conversations',
                'indexes': [models.Index(fields=['organization'], include=('text_bytes',), name='text_of_organization')],
            },
        ),
        migrations.CreateModel(
            name='ConversationRead',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='organizations.organization')),
                ('conversation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='reads', to='chat.conversation')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('seen_seq', models.BigIntegerField(default=0)),
                ('seen_inbound_total', models.BigIntegerField(default=0)),
            ],
            options={
                'verbose_name': 'reading position',
                'verbose_name_plural': 'reading positions',
                'constraints': [models.UniqueConstraint(fields=('conversation', 'user'), name='one_reading_position_per_agent')],
            },
        ),
        migrations.CreateModel(
            name='AlertSettings',
            fields=[
                ('version', models.PositiveBigIntegerField(default=1, editable=False)),
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='organizations.organization')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('sound', models.BooleanField(default=True, verbose_name='sound')),
                ('desktop', models.BooleanField(default=False, verbose_name='desktop notifications')),
                ('email', models.BooleanField(default=True, verbose_name='email')),
                ('email_after_minutes', models.PositiveSmallIntegerField(default=5, verbose_name='email after')),
            ],
            options={
                'verbose_name': 'notification settings',
                'verbose_name_plural': 'notification settings',
                'constraints': [models.UniqueConstraint(fields=('organization', 'user'), name='one_alert_settings_per_person')],
            },
        ),
        migrations.CreateModel(
            name='AlertEmail',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='organizations.organization')),
                ('conversation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='chat.conversation')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('waiting_since', models.DateTimeField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'verbose_name': 'email about a waiting customer',
                'verbose_name_plural': 'emails about waiting customers',
                'indexes': [models.Index(fields=['organization', 'user', '-created_at'], name='alerts_of_person'), models.Index(fields=['created_at'], name='alerts_by_age')],
                'constraints': [models.UniqueConstraint(fields=('conversation', 'user', 'waiting_since'), name='one_email_per_wait')],
            },
        ),
        migrations.CreateModel(
            name='IdentitySecret',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='organizations.organization')),
                ('widget', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='identity_secrets', to='chat.widget')),
                ('kid', models.CharField(editable=False, max_length=16, unique=True)),
                ('sealed', models.TextField(editable=False)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('last_used_at', models.DateTimeField(editable=False, null=True)),
                ('revoked_at', models.DateTimeField(editable=False, null=True)),
            ],
            options={
                'verbose_name': 'identity secret',
                'verbose_name_plural': 'identity secrets',
            },
        ),
        migrations.CreateModel(
            name='VisitorToken',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='organizations.organization')),
                ('widget', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='visitor_tokens', to='chat.widget')),
                ('customer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='visitor_tokens', to='customers.customer')),
                ('token_hash', models.CharField(max_length=64, unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('last_seen_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField()),
                ('secret', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='visitor_tokens', to='chat.identitysecret')),
            ],
            options={
                'verbose_name': 'visitor token',
                'verbose_name_plural': 'visitor tokens',
                'indexes': [models.Index(fields=['expires_at'], name='visitor_tokens_by_expiry')],
            },
        ),
        migrations.CreateModel(
            name='IdentityUse',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='organizations.organization')),
                ('widget', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='chat.widget')),
                ('jti_hash', models.CharField(editable=False, max_length=64)),
                ('shown_with', models.CharField(blank=True, editable=False, max_length=64)),
                ('token', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='chat.visitortoken')),
                ('expires_at', models.DateTimeField(editable=False)),
            ],
            options={
                'verbose_name': 'used proof of identity',
                'verbose_name_plural': 'used proofs of identity',
                'indexes': [models.Index(fields=['expires_at'], name='identity_uses_by_expiry')],
                'constraints': [models.UniqueConstraint(fields=('widget', 'jti_hash'), name='one_use_per_proof')],
            },
        ),
    ]
