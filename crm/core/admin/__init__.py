"""The operator's admin: its site, its menu and its base classes."""
