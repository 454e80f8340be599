"""How django-allauth is fitted in: its adapters, its stages, its tokens, our letters."""
