import crm.core.ids
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


# Partitioned by month, which Django cannot declare; their models are not managed.
TABLES = """
CREATE TABLE compliance_auditentry (
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  seq bigint NOT NULL,
  at timestamptz NOT NULL,
  actor_kind varchar(10) NOT NULL,
  actor_id varchar(64) NOT NULL,
  action varchar(60) NOT NULL,
  object_type varchar(40) NOT NULL,
  object_id varchar(64) NOT NULL,
  details jsonb NOT NULL,
  correlation_id varchar(64) NOT NULL,
  data_hash bytea,
  address_hash bytea,
  prev_hash bytea NOT NULL,
  hash bytea NOT NULL,
  PRIMARY KEY (organization_id, at)
) PARTITION BY RANGE (at);
CREATE INDEX audit_by_actor ON compliance_auditentry (organization_id, actor_id, at);
CREATE INDEX audit_by_action ON compliance_auditentry (organization_id, action, at);
CREATE INDEX audit_by_object ON compliance_auditentry (organization_id, object_type, object_id, at);
-- Entries arrive in the order of their time: a summary of blocks costs writers next to nothing.
CREATE INDEX audit_by_time ON compliance_auditentry USING brin (at);
CREATE TABLE compliance_auditentry_default PARTITION OF compliance_auditentry DEFAULT;

CREATE TABLE compliance_auditvalues (
  organization_id uuid NOT NULL,
  at timestamptz NOT NULL,
  subject varchar(100),
  data jsonb,
  data_salt bytea,
  data_erased_seq bigint,
  actor_id varchar(64) NOT NULL,
  address varchar(64),
  address_salt bytea,
  address_erased_seq bigint,
  PRIMARY KEY (organization_id, at)
) PARTITION BY RANGE (at);
CREATE INDEX audit_values_by_subject ON compliance_auditvalues (organization_id, subject);
CREATE INDEX audit_values_by_actor ON compliance_auditvalues (organization_id, actor_id)
  WHERE address IS NOT NULL;
CREATE TABLE compliance_auditvalues_default PARTITION OF compliance_auditvalues DEFAULT;

CREATE TABLE compliance_auditchain (
  organization_id uuid PRIMARY KEY,
  began_at timestamptz NOT NULL
);

CREATE TABLE compliance_auditsignature (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL,
  seq bigint NOT NULL,
  at timestamptz NOT NULL,
  entry_hash bytea NOT NULL,
  is_start boolean NOT NULL DEFAULT false,
  key_id varchar(40) NOT NULL,
  mac bytea NOT NULL,
  sealed_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT one_seal_per_entry UNIQUE (organization_id, seq, is_start)
);

CREATE TABLE compliance_auditnotice (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  actor_kind varchar(10) NOT NULL,
  actor_id varchar(64) NOT NULL,
  action varchar(60) NOT NULL,
  object_type varchar(40) NOT NULL,
  object_id varchar(64) NOT NULL,
  details jsonb NOT NULL,
  subject varchar(100),
  data jsonb,
  address varchar(64)
);
"""
REVERSE = """
DROP TABLE compliance_auditentry, compliance_auditvalues, compliance_auditchain,
  compliance_auditsignature, compliance_auditnotice CASCADE;
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('organizations', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(TABLES, REVERSE),
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('organization_id', models.UUIDField(verbose_name='organization')),
                ('seq', models.BigIntegerField(verbose_name='number')),
                ('at', models.DateTimeField(verbose_name='time')),
                ('actor_kind', models.CharField(choices=[('user', 'Person'), ('key', 'API key'), ('visitor', 'Visitor'), ('system', 'System'), ('database', 'Database'), ('nobody', 'Nobody known')], max_length=10, verbose_name='kind of actor')),
                ('actor_id', models.CharField(max_length=64, verbose_name='actor')),
                ('action', models.CharField(max_length=60, verbose_name='action')),
                ('object_type', models.CharField(max_length=40, verbose_name='kind of object')),
                ('object_id', models.CharField(max_length=64, verbose_name='object')),
                ('details', models.JSONField(verbose_name='details')),
                ('correlation_id', models.CharField(max_length=64, verbose_name='correlation id')),
                ('data_hash', models.BinaryField(null=True)),
                ('address_hash', models.BinaryField(null=True)),
                ('prev_hash', models.BinaryField()),
                ('hash', models.BinaryField()),
            ],
            options={
                'verbose_name': 'audit entry',
                'verbose_name_plural': 'audit entries',
                'db_table': 'compliance_auditentry',
                'ordering': ['-at', '-id'],
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='AuditSignature',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('organization_id', models.UUIDField()),
                ('seq', models.BigIntegerField()),
                ('at', models.DateTimeField()),
                ('entry_hash', models.BinaryField()),
                ('is_start', models.BooleanField()),
                ('key_id', models.CharField(max_length=40)),
                ('mac', models.BinaryField()),
                ('sealed_at', models.DateTimeField()),
            ],
            options={
                'verbose_name': 'seal of the audit',
                'verbose_name_plural': 'seals of the audit',
                'db_table': 'compliance_auditsignature',
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='AuditValues',
            fields=[
                ('at', models.DateTimeField(primary_key=True, serialize=False)),
                ('organization_id', models.UUIDField()),
                ('subject', models.CharField(max_length=100, null=True)),
                ('data', models.JSONField(null=True)),
                ('data_salt', models.BinaryField(null=True)),
                ('data_erased_seq', models.BigIntegerField(null=True)),
                ('actor_id', models.CharField(max_length=64)),
                ('address', models.CharField(max_length=64, null=True)),
                ('address_salt', models.BinaryField(null=True)),
                ('address_erased_seq', models.BigIntegerField(null=True)),
            ],
            options={
                'verbose_name': 'values of an audit entry',
                'verbose_name_plural': 'values of audit entries',
                'db_table': 'compliance_auditvalues',
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='LegalHold',
            fields=[
                ('id', models.UUIDField(default=crm.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('subject', models.CharField(blank=True, max_length=100, verbose_name='subject')),
                ('reason', models.CharField(max_length=500, verbose_name='reason')),
                ('placed_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='placed')),
                ('lifted_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='lifted')),
                ('lift_reason', models.CharField(blank=True, max_length=500, verbose_name='reason to lift')),
                ('lifted_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='legal_holds', to='organizations.organization')),
                ('placed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('lifted_at__isnull', True)), fields=('organization', 'subject', 'reason'), name='one_hold_per_subject_and_reason')],
                'verbose_name': 'legal hold',
                'verbose_name_plural': 'legal holds',
            },
        ),
    ]
