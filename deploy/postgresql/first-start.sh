#!/bin/bash
# Run by the image of PostgreSQL when it makes its data folder.
set -euo pipefail
psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --no-psqlrc --quiet \
  --set owner="$DB_POSTGRES_OWNER_USER" --set owner_password="$DB_POSTGRES_OWNER_PASSWORD" \
  --set application="$DB_POSTGRES_USER" --set application_password="$DB_POSTGRES_PASSWORD" \
  --set operator="$DB_POSTGRES_OPERATOR_ROLE" \
  --file /opt/nextflow/roles.sql
