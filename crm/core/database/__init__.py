"""The database backend: Django's for PostgreSQL, each statement asked on somebody's behalf."""
