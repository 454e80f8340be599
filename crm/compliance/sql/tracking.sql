-- Turns a change of a row into an entry, whoever made it and however: service, bulk update, psql.
-- The argument says what of the row is told; `crm.compliance.model_tracking` makes it of the models.

-- A number with decimal places as text: programs would read it as a float, which is not exact.
CREATE OR REPLACE FUNCTION nextflow_audit_exact(value jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE
    WHEN jsonb_typeof(value) = 'number' AND value::text LIKE '%.%'
      THEN to_jsonb(trim_scale(value::text::numeric)::text)
    ELSE value
  END
$$;

CREATE OR REPLACE FUNCTION nextflow_audit_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  spec jsonb := TG_ARGV[0]::jsonb;
  told jsonb := coalesce(nullif(current_setting('nextflow.audit', true), ''), '{}')::jsonb;
  old_row jsonb := CASE WHEN TG_OP = 'INSERT' THEN '{}'::jsonb ELSE to_jsonb(OLD) END;
  new_row jsonb := CASE WHEN TG_OP = 'DELETE' THEN '{}'::jsonb ELSE to_jsonb(NEW) END;
  row_now jsonb := CASE WHEN TG_OP = 'DELETE' THEN old_row ELSE new_row END;
  plain jsonb;
  beside jsonb;
  names jsonb;
  details jsonb := '{}';
  what text := spec->'actions'->>TG_OP;
  by_kind text := told->>'k';
  by_id text := told->>'i';
  subject text;
  chain uuid;
BEGIN
  SELECT jsonb_object_agg(name, jsonb_build_array(
      public.nextflow_audit_exact(old_row->name), public.nextflow_audit_exact(new_row->name)
    )) INTO plain
    FROM jsonb_array_elements_text(spec->'plain') name
    WHERE nullif(old_row->name, 'null') IS DISTINCT FROM nullif(new_row->name, 'null');
  SELECT jsonb_object_agg(name, jsonb_build_array(
      public.nextflow_audit_exact(old_row->name), public.nextflow_audit_exact(new_row->name)
    )) INTO beside
    FROM jsonb_array_elements_text(spec->'beside') name
    WHERE nullif(old_row->name, 'null') IS DISTINCT FROM nullif(new_row->name, 'null');
  SELECT jsonb_agg(name) INTO names
    FROM jsonb_array_elements_text((spec->'beside') || (spec->'hidden')) name
    WHERE nullif(old_row->name, 'null') IS DISTINCT FROM nullif(new_row->name, 'null');
  IF TG_OP = 'UPDATE' AND plain IS NULL AND names IS NULL THEN
    RETURN NULL;
  END IF;
  IF plain IS NOT NULL THEN
    details := jsonb_build_object('changes', plain);
  END IF;
  IF names IS NOT NULL THEN
    details := details || jsonb_build_object('fields', names);
  END IF;
  IF TG_OP = 'UPDATE' THEN
    -- Some changes have a name of their own: what was set for the first time says which.
    SELECT coalesce(max(named.value), what) INTO what
      FROM jsonb_each_text(spec->'set') named
      WHERE nullif(old_row->named.key, 'null') IS NULL
        AND nullif(new_row->named.key, 'null') IS NOT NULL;
  END IF;
  IF by_id IS NULL THEN
    by_id := row_now->>(spec->>'actor');
    IF by_id IS NOT NULL THEN
      by_kind := 'user';
    ELSIF told ? 'c' THEN
      by_kind := 'system';
      by_id := '';
    ELSE
      by_kind := 'database';
      by_id := session_user;
    END IF;
  END IF;
  subject := (spec->>'subject_type') || ':' || (row_now->>(spec->>'subject_column'));
  FOR chain IN
    SELECT coalesce((row_now->>(spec->>'organization'))::uuid, nil.id)
      FROM (VALUES ('00000000-0000-0000-0000-000000000000'::uuid)) nil(id)
      WHERE spec->>'member' IS NULL
    UNION ALL
    (SELECT m.organization_id FROM organizations_membership m
      WHERE m.user_id = (row_now->>(spec->>'member'))::uuid AND m.is_active
      ORDER BY m.organization_id)
  LOOP
    PERFORM nextflow_audit_append(
      chain, by_kind, by_id, what, spec->>'type', coalesce(row_now->>(spec->>'id'), ''), details,
      coalesce(told->>'c', ''), subject, beside, told->>'a'
    );
  END LOOP;
  IF NOT FOUND THEN
    -- Somebody who belongs nowhere.
    PERFORM nextflow_audit_append(
      '00000000-0000-0000-0000-000000000000'::uuid, by_kind, by_id, what, spec->>'type',
      coalesce(row_now->>(spec->>'id'), ''), details, coalesce(told->>'c', ''), subject, beside,
      told->>'a'
    );
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION nextflow_audit_truncated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM nextflow_audit_append(
    '00000000-0000-0000-0000-000000000000'::uuid, 'database', session_user,
    TG_ARGV[0] || '.truncated', TG_ARGV[0], '', '{}', '', NULL, NULL, NULL
  );
  RETURN NULL;
END $$;
