"""The operator's admin: its site, its menu, and what all its pages have in common."""
