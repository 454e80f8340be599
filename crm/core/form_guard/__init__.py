"""Protection of browser forms: stamps of page and user, once-keys, versions, stored input."""
