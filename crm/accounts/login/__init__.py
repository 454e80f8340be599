"""Integration of django-allauth: adapters, stages, tokens, e-mails."""
