import crm.core.ids
import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from crm.billing.plans import DEFAULTS
from django.db import migrations, models


# Grants withhold this from the application; the trigger also from the owner of the tables.
APPEND_ONLY = """
CREATE OR REPLACE FUNCTION nextflow_usage_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'Rows of % are kept as they were written.', TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER nextflow_usage_keep BEFORE UPDATE OR DELETE ON "billing_usagerecord"
  FOR EACH ROW EXECUTE FUNCTION nextflow_usage_guard();
CREATE TRIGGER nextflow_usage_keep BEFORE UPDATE OR DELETE ON "billing_subscriptionevent"
  FOR EACH ROW EXECUTE FUNCTION nextflow_usage_guard();
"""
REVERSE = """
DROP TRIGGER nextflow_usage_keep ON "billing_usagerecord";
DROP TRIGGER nextflow_usage_keep ON "billing_subscriptionevent";
DROP FUNCTION nextflow_usage_guard();
"""


def create_plans(apps, schema_editor):
    plans = apps.get_model("billing", "Plan")
    for each in DEFAULTS:
        plans.objects.create(
            key=each.key,
            position=each.position,
            limits=dict(each.limits),
            features=list(each.features),
            is_offered=each.is_offered,
        )


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('organizations', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Plan',
            fields=[
                ('key', models.SlugField(max_length=20, primary_key=True, serialize=False, verbose_name='key')),
                ('position', models.PositiveSmallIntegerField(default=0, verbose_name='position')),
                ('limits', models.JSONField(blank=True, default=dict, verbose_name='limits')),
                ('features', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, default=list, size=None)),
                ('is_offered', models.BooleanField(default=False, help_text='Owners may choose it by themselves.', verbose_name='on offer')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'verbose_name': 'plan',
                'verbose_name_plural': 'plans',
                'ordering': ['position', 'key'],
            },
        ),
        migrations.CreateModel(
            name='FeatureOverride',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('quota', 'Quota'), ('feature', 'Feature')], default='quota', max_length=10, verbose_name='kind')),
                ('name', models.CharField(max_length=40, verbose_name='quota or feature')),
                ('limit', models.PositiveBigIntegerField(blank=True, help_text='Of a quota; empty means no limit.', null=True, verbose_name='limit')),
                ('is_enabled', models.BooleanField(default=True, help_text='Of a feature.', verbose_name='included')),
                ('reason', models.CharField(max_length=500, verbose_name='reason')),
                ('expires_at', models.DateTimeField(blank=True, null=True, verbose_name='expires')),
                ('ended_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='ended')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('created_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='feature_overrides', to='organizations.organization')),
            ],
            options={
                'verbose_name': 'override',
                'verbose_name_plural': 'overrides',
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('organization', 'kind', 'name'), name='one_override_in_force')],
            },
        ),
        migrations.CreateModel(
            name='QuotaNotice',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('metric', models.CharField(choices=[('members', 'Members'), ('conversations', 'Conversations'), ('bot_answers', 'Bot answers'), ('stored_bytes', 'Stored text'), ('contacts', 'Contacts'), ('campaign_mails', 'Campaign mails'), ('api_calls', 'API calls'), ('background_tasks', 'Background tasks')], max_length=20, verbose_name='quota')),
                ('level', models.PositiveSmallIntegerField(verbose_name='level in per cent')),
                ('limit', models.BigIntegerField(default=0, verbose_name='limit')),
                ('period_start', models.DateTimeField()),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='organizations.organization')),
            ],
            options={
                'verbose_name': 'quota notice',
                'verbose_name_plural': 'quota notices',
                'constraints': [models.UniqueConstraint(fields=('organization', 'metric', 'level', 'limit', 'period_start'), name='one_notice_per_level')],
            },
        ),
        migrations.CreateModel(
            name='Subscription',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('status', models.CharField(choices=[('trial', 'Trial'), ('active', 'Active'), ('grace', 'Grace period')], default='active', max_length=10, verbose_name='status')),
                ('period_start', models.DateTimeField(default=django.utils.timezone.now, verbose_name='period begins')),
                ('period_end', models.DateTimeField(verbose_name='period ends')),
                ('anchor_day', models.PositiveSmallIntegerField(default=1, editable=False)),
                ('cancelled_at', models.DateTimeField(blank=True, null=True, verbose_name='cancelled')),
                ('renews', models.BooleanField(default=True, help_text="Off: at the period's end comes the grace period, then the free plan.", verbose_name='renews')),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('next_plan', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.plan')),
                ('organization', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='subscription', to='organizations.organization')),
                ('plan', models.ForeignKey(default='enterprise', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.plan')),
            ],
            options={
                'verbose_name': 'subscription',
                'verbose_name_plural': 'subscriptions',
                'indexes': [models.Index(fields=['period_end'], name='subscriptions_by_end')],
            },
        ),
        migrations.CreateModel(
            name='SubscriptionEvent',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('started', 'Begun'), ('trial_started', 'Trial begun'), ('upgraded', 'Upgraded'), ('downgrade_asked', 'Downgrade planned'), ('downgraded', 'Downgraded'), ('cancelled', 'Cancelled'), ('resumed', 'Resumed'), ('renewed', 'Renewed'), ('grace_began', 'Grace period begun'), ('expired', 'Expired'), ('assigned', 'Set by the operator')], max_length=20)),
                ('plan_before', models.CharField(blank=True, max_length=20)),
                ('plan_after', models.CharField(max_length=20)),
                ('by', models.CharField(blank=True, max_length=64)),
                ('period_start', models.DateTimeField()),
                ('period_end', models.DateTimeField()),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('organization', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='organizations.organization')),
            ],
            options={
                'verbose_name': 'event of a subscription',
                'verbose_name_plural': 'events of subscriptions',
                'indexes': [models.Index(fields=['organization', '-at', '-id'], name='subscription_history')],
            },
        ),
        migrations.CreateModel(
            name='UsageSnapshot',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('metric', models.CharField(choices=[('members', 'Members'), ('conversations', 'Conversations'), ('bot_answers', 'Bot answers'), ('stored_bytes', 'Stored text'), ('contacts', 'Contacts'), ('campaign_mails', 'Campaign mails'), ('api_calls', 'API calls'), ('background_tasks', 'Background tasks')], max_length=20)),
                ('day', models.DateField()),
                ('value', models.BigIntegerField(default=0)),
                ('read_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='organizations.organization')),
            ],
            options={
                'verbose_name': 'reading',
                'verbose_name_plural': 'readings',
                'constraints': [models.UniqueConstraint(fields=('organization', 'metric', 'day'), name='one_reading_per_day')],
            },
        ),
        migrations.CreateModel(
            name='UsageRecord',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('metric', models.CharField(choices=[('members', 'Members'), ('conversations', 'Conversations'), ('bot_answers', 'Bot answers'), ('stored_bytes', 'Stored text'), ('contacts', 'Contacts'), ('campaign_mails', 'Campaign mails'), ('api_calls', 'API calls'), ('background_tasks', 'Background tasks')], max_length=20, verbose_name='quota')),
                ('key', models.CharField(max_length=120, verbose_name='key')),
                ('amount', models.BigIntegerField(default=1, verbose_name='amount')),
                ('period_start', models.DateTimeField(verbose_name='period begins')),
                ('at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='time')),
                ('organization', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='organizations.organization')),
            ],
            options={
                'verbose_name': 'usage record',
                'verbose_name_plural': 'usage records',
                'indexes': [models.Index(fields=['organization', 'metric', 'period_start'], include=('amount',), name='usage_by_period'), models.Index(fields=['organization', 'at'], name='usage_by_time')],
                'constraints': [models.UniqueConstraint(fields=('organization', 'metric', 'key'), name='one_use_per_key')],
            },
        ),
        migrations.RunSQL(APPEND_ONLY, REVERSE),
        migrations.RunPython(create_plans, migrations.RunPython.noop),
    ]
