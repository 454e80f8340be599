-- The three roles by which organizations are kept apart (docs/security.md, "The second lock").
-- Run once for a server by its administrator, in the database of the installation:
--
--   psql --dbname nextflow_db \
--        --set owner=nextflow_owner --set owner_password=… \
--        --set application=nextflow_user --set application_password=… \
--        --set operator=nextflow_operator --file deploy/postgresql/roles.sql
--
-- May be run again: it changes passwords and leaves the rest as it is.
\set ON_ERROR_STOP on

SELECT format('CREATE ROLE %I LOGIN', :'owner')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'owner') \gexec
SELECT format('CREATE ROLE %I LOGIN', :'application')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'application') \gexec
-- Nobody logs in as this one: the application puts it on for operators' work.
SELECT format('CREATE ROLE %I NOLOGIN', :'operator')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'operator') \gexec

SELECT format('ALTER ROLE %I PASSWORD %L', :'owner', :'owner_password') \gexec
SELECT format('ALTER ROLE %I PASSWORD %L', :'application', :'application_password') \gexec

-- The owner sees all rows in migrations; the application only after `SET LOCAL ROLE`.
GRANT :"operator" TO :"owner" WITH INHERIT TRUE, SET TRUE;
GRANT :"operator" TO :"application" WITH INHERIT FALSE, SET TRUE;

-- Tables of an installation that had one role for everything go to their owner.
SELECT format('ALTER DATABASE %I OWNER TO %I', current_database(), :'owner') \gexec
SELECT format('ALTER TABLE public.%I OWNER TO %I', relname, :'owner')
FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
  AND pg_get_userbyid(relowner) <> :'owner' \gexec
ALTER SCHEMA public OWNER TO :"owner";
GRANT USAGE ON SCHEMA public TO :"application", :"operator";

CREATE EXTENSION IF NOT EXISTS btree_gin;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;

-- What a search compares text with. Row-level security lets an index answer only a comparison that
-- can tell nobody about rows that are not theirs; these two fail on no row. Needs a superuser:
-- without these two lines everything works, but a search by name reads every customer of its
-- organization.
ALTER FUNCTION pg_catalog.upper(text) LEAKPROOF;
ALTER FUNCTION pg_catalog.textlike(text, text) LEAKPROOF;
