"""What guards the forms of the browser: whose they are, once-keys, versions, kept text."""
