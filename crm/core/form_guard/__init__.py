"""Protection of browser forms: stamps, once-keys, versions, stored input."""
