"""The tables of the audit: partitioned by month, which Django cannot declare."""

from django.db import migrations

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

CREATE TABLE compliance_auditseal (
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
GONE = """
DROP TABLE compliance_auditentry, compliance_auditvalues, compliance_auditchain,
  compliance_auditseal, compliance_auditnotice CASCADE;
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [("accounts", "0005_invitations_and_second_factor")]

    operations = [
        migrations.RunSQL(TABLES, GONE),
    ]
