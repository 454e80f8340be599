"""Authentication by email address and password."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from crm.core.text.normalization import normalize_password
from crm.organizations.models import User


class PasswordBackend(ModelBackend):
    """Django's backend, which hashes for an unknown address as often as for a known one."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> Any:
        user = super().authenticate(request, username=username, password=password, **kwargs)
        if user is not None or not password or password == normalize_password(password):
            return user
        if not User.objects.filter(email=username).exists():
            # A known one was compared with the password as typed, too.
            User().set_password(password)
        return None
