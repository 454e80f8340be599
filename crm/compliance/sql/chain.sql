-- The only writers of the audit. They run as the owner of the tables: the application may call what
-- is granted to it, and has no right of its own to change an entry.

CREATE OR REPLACE FUNCTION nextflow_audit_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'What the audit holds is never changed or removed.'
    USING ERRCODE = 'insufficient_privilege';
END $$;

-- Values may go, because a person has a right to that; nothing may be put in their place.
CREATE OR REPLACE FUNCTION nextflow_audit_guard_values() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND current_setting('nextflow.audit_erasing', true) = 'on'
    AND (NEW.organization_id, NEW.at) = (OLD.organization_id, OLD.at)
    AND (NEW.data IS NULL OR NEW.data = OLD.data)
    AND (NEW.address IS NULL OR NEW.address = OLD.address)
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'What the audit holds is never changed or removed.'
    USING ERRCODE = 'insufficient_privilege';
END $$;

-- Where a chain ends. The newest partitions are looked into by name: to ask the parent opens all.
CREATE OR REPLACE FUNCTION nextflow_audit_head(
  chain uuid, OUT seq bigint, OUT hash bytea, OUT at timestamptz
) LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  month timestamp := date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC');
  part text;
BEGIN
  FOREACH part IN ARRAY ARRAY[
    to_char(month + interval '1 month', 'YYYYMM'), to_char(month, 'YYYYMM')
  ] LOOP
    EXIT WHEN to_regclass('public.compliance_auditentry_' || part) IS NULL;
    EXECUTE format(
      'SELECT seq, hash, at FROM public.%I WHERE organization_id = $1 ORDER BY at DESC LIMIT 1',
      'compliance_auditentry_' || part
    ) INTO seq, hash, at USING chain;
    IF seq IS NOT NULL THEN
      RETURN;
    END IF;
  END LOOP;
  SELECT e.seq, e.hash, e.at INTO seq, hash, at
    FROM compliance_auditentry e WHERE e.organization_id = chain ORDER BY e.at DESC LIMIT 1;
  IF seq IS NULL THEN
    SELECT s.seq, s.entry_hash, s.at INTO seq, hash, at
      FROM compliance_auditsignature s WHERE s.organization_id = chain AND s.is_start
      ORDER BY s.seq DESC LIMIT 1;
  END IF;
  IF seq IS NULL THEN
    seq := 0;
    hash := sha256(convert_to(chain::text, 'UTF8'));
    at := 'epoch';
  END IF;
END $$;

-- Add an entry at the end of a chain. The writers of one chain take turns from here to their
-- commit, so this is called by deferred triggers: at the commit, when all other work is done.
CREATE OR REPLACE FUNCTION nextflow_audit_append(
  chain uuid, actor_kind text, actor_id text, action text, object_type text, object_id text,
  details jsonb, correlation_id text, subject text, data jsonb, address text
) RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  known text[] := string_to_array(current_setting('nextflow.audit_head', true), '|');
  behalf text := nullif(current_setting('nextflow.audit', true), '')::jsonb->>'o';
  before record;
  number bigint;
  moment timestamptz;
  data_salt bytea;
  data_hash bytea;
  address_salt bytea;
  address_hash bytea;
  new_hash bytea;
BEGIN
  IF behalf IS NOT NULL THEN
    -- An operator who sees the application as somebody: both are named, in the chain itself.
    details := details || jsonb_build_object('on_behalf_of', behalf);
  END IF;
  IF known[1] = chain::text THEN
    -- This transaction holds the lock already; it need not look for its own last entry.
    SELECT known[2]::bigint AS seq, decode(known[3], 'hex') AS hash, known[4]::timestamptz AS at
      INTO before;
  ELSE
    IF current_setting('transaction_isolation') <> 'read committed' THEN
      RAISE EXCEPTION 'Audited rows are written at READ COMMITTED: another level cannot see where '
        'the chain ends.' USING ERRCODE = 'feature_not_supported';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('nextflow.audit|' || chain::text, 0));
    SELECT * INTO before FROM nextflow_audit_head(chain);
  END IF;
  number := before.seq + 1;
  -- Each later than the one before, so that time alone orders a chain.
  moment := greatest(clock_timestamp(), before.at + interval '1 microsecond');
  IF data IS NOT NULL THEN
    data_salt := uuid_send(gen_random_uuid());
    data_hash := sha256(data_salt || convert_to(data::text, 'UTF8'));
  END IF;
  IF address IS NOT NULL THEN
    address_salt := uuid_send(gen_random_uuid());
    address_hash := sha256(address_salt || convert_to(address, 'UTF8'));
  END IF;
  new_hash := sha256(convert_to(jsonb_build_array(
    'v1', chain::text, number,
    to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    actor_kind, actor_id, action, object_type, object_id, details::text, correlation_id,
    encode(data_hash, 'hex'), encode(address_hash, 'hex'), encode(before.hash, 'hex')
  )::text, 'UTF8'));
  INSERT INTO compliance_auditentry (
    id, organization_id, seq, at, actor_kind, actor_id, action, object_type, object_id, details,
    correlation_id, data_hash, address_hash, prev_hash, hash
  ) VALUES (
    gen_random_uuid(), chain, number, moment, actor_kind, actor_id, action, object_type, object_id,
    details, correlation_id, data_hash, address_hash, before.hash, new_hash
  );
  IF data IS NOT NULL OR address IS NOT NULL THEN
    INSERT INTO compliance_auditvalues (
      organization_id, at, subject, data, data_salt, actor_id, address, address_salt
    ) VALUES (
      chain, moment, subject, data, data_salt, actor_id, address, address_salt
    );
  END IF;
  IF number = 1 THEN
    INSERT INTO compliance_auditchain (organization_id, began_at) VALUES (chain, moment);
  END IF;
  PERFORM set_config(
    'nextflow.audit_head',
    concat_ws('|', chain::text, number, encode(new_hash, 'hex'),
      to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')),
    true
  );
  RETURN number;
END $$;

-- What the application tells in words: a row in a table that is empty again after the commit.
CREATE OR REPLACE FUNCTION nextflow_audit_notice() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  told jsonb := coalesce(nullif(current_setting('nextflow.audit', true), ''), '{}')::jsonb;
BEGIN
  PERFORM nextflow_audit_append(
    NEW.organization_id, NEW.actor_kind, NEW.actor_id, NEW.action, NEW.object_type, NEW.object_id,
    NEW.details, coalesce(told->>'c', ''), NEW.subject, NEW.data, NEW.address
  );
  DELETE FROM compliance_auditnotice WHERE id = NEW.id;
  RETURN NULL;
END $$;

-- Forget what the audit holds of somebody; that something was there, and when, stays proven.
CREATE OR REPLACE FUNCTION nextflow_audit_erase(
  chain uuid, who text, actor_kind text, actor_id text, correlation_id text
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  person text := CASE WHEN who LIKE 'user:%' THEN substr(who, 6) END;
  number bigint;
  total bigint;
BEGIN
  IF EXISTS (
    SELECT 1 FROM compliance_legalhold h
    WHERE h.organization_id = chain AND h.lifted_at IS NULL AND h.subject IN ('', who)
  ) THEN
    RAISE EXCEPTION 'A legal hold keeps these values.' USING ERRCODE = 'NF001';
  END IF;
  SELECT count(*) INTO total FROM compliance_auditvalues v
    WHERE v.organization_id = chain AND (
      (v.subject = who AND v.data IS NOT NULL)
      OR (v.actor_id = person AND v.address IS NOT NULL)
    );
  number := nextflow_audit_append(
    chain, actor_kind, actor_id, 'audit.erased', split_part(who, ':', 1), split_part(who, ':', 2),
    jsonb_build_object('values', total), correlation_id, NULL, NULL, NULL
  );
  PERFORM set_config('nextflow.audit_erasing', 'on', true);
  UPDATE compliance_auditvalues v
    SET data = NULL, data_salt = NULL, data_erased_seq = number
    WHERE v.organization_id = chain AND v.subject = who AND v.data IS NOT NULL;
  UPDATE compliance_auditvalues v
    SET address = NULL, address_salt = NULL, address_erased_seq = number
    WHERE v.organization_id = chain AND v.actor_id = person AND v.address IS NOT NULL;
  PERFORM set_config('nextflow.audit_erasing', '', true);
  RETURN total;
END $$;
