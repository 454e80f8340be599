"""Database backend: PostgreSQL with the tenant scope set in front of each statement."""
