-- One partition a month and table. Whoever may call these may make months and drop old ones, and
-- nothing else.

CREATE OR REPLACE FUNCTION nextflow_audit_make_month(month date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  first timestamp := date_trunc('month', month::timestamp);
  parent text;
  part text;
BEGIN
  IF to_regclass('public.compliance_auditentry_' || to_char(first, 'YYYYMM')) IS NOT NULL THEN
    RETURN false;
  END IF;
  IF EXISTS (
    SELECT 1 FROM compliance_auditentry_default
    WHERE at >= first AT TIME ZONE 'UTC' AND at < (first + interval '1 month') AT TIME ZONE 'UTC'
  ) THEN
    -- It went on without its partition; these entries stay where they are.
    RETURN false;
  END IF;
  FOREACH parent IN ARRAY ARRAY['compliance_auditentry', 'compliance_auditvalues'] LOOP
    part := parent || '_' || to_char(first, 'YYYYMM');
    EXECUTE format(
      'CREATE TABLE public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L)',
      part, parent, first AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC'
    );
    EXECUTE format(
      'CREATE TRIGGER nextflow_audit_keep BEFORE TRUNCATE ON public.%I'
      ' FOR EACH STATEMENT EXECUTE FUNCTION nextflow_audit_guard()', part
    );
  END LOOP;
  RETURN true;
END $$;

-- Months that are over for ten years; the oldest first.
CREATE OR REPLACE FUNCTION nextflow_audit_old_months() RETURNS SETOF date
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT to_date(right(c.relname, 6), 'YYYYMM') AS month
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'public.compliance_auditentry'::regclass
      AND c.relname ~ '_[0-9]{6}$'
      AND to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month' + interval '10 years'
        <= now() AT TIME ZONE 'UTC'
    ORDER BY month
$$;

-- The last entry of each chain in a month, from which the chain goes on when the month is dropped.
CREATE OR REPLACE FUNCTION nextflow_audit_ends_of(month date)
RETURNS TABLE (organization_id uuid, seq bigint, at timestamptz, hash bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  RETURN QUERY EXECUTE format(
    'SELECT DISTINCT ON (organization_id) organization_id, seq, at, hash FROM public.%I'
    ' ORDER BY organization_id, at DESC', 'compliance_auditentry_' || to_char(month, 'YYYYMM')
  );
END $$;

CREATE OR REPLACE FUNCTION nextflow_audit_drop_month(month date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  part text := to_char(month, 'YYYYMM');
  is_held boolean;
  has_no_start boolean;
BEGIN
  IF month IS DISTINCT FROM (SELECT m FROM nextflow_audit_old_months() m LIMIT 1) THEN
    RAISE EXCEPTION 'Only the oldest month is dropped, and only after ten years.'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  EXECUTE format(
    'SELECT EXISTS (SELECT 1 FROM compliance_legalhold h WHERE h.lifted_at IS NULL'
    ' AND EXISTS (SELECT 1 FROM public.%I e WHERE e.organization_id = h.organization_id))',
    'compliance_auditentry_' || part
  ) INTO is_held;
  IF is_held THEN
    RAISE EXCEPTION 'A legal hold keeps this month.' USING ERRCODE = 'NF001';
  END IF;
  SELECT EXISTS (
    SELECT 1 FROM nextflow_audit_ends_of(month) e WHERE NOT EXISTS (
      SELECT 1 FROM compliance_auditsignature s
      WHERE s.organization_id = e.organization_id AND s.seq = e.seq AND s.is_start
        AND s.entry_hash = e.hash
    )
  ) INTO has_no_start;
  IF has_no_start THEN
    RAISE EXCEPTION 'A chain of this month has no sealed start to go on from.'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  EXECUTE format('DROP TABLE public.%I', 'compliance_auditvalues_' || part);
  EXECUTE format('DROP TABLE public.%I', 'compliance_auditentry_' || part);
END $$;
