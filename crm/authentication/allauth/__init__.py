"""Integration of django-allauth: adapters, stages, tokens, emails."""
