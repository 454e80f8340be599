"""Export and import of records as files."""
