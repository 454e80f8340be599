"""One log-in for a test that asks hundreds of addresses as the same person."""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest
from django.test import Client

from crm.authentication.models import UserSession
from crm.organizations.models import Membership


class Person:
    """Gives clients that are logged in: with the same session, as long as no address ended it."""

    def __init__(self, membership: Membership) -> None:
        self._user = membership.user
        self._session = ""

    def client(self) -> Client:
        """Return a new client that holds nothing but the session of this person."""
        client = Client(raise_request_exception=False)
        client.cookies[settings.SESSION_COOKIE_NAME] = self._session
        if not self._is_logged_in(client):
            client = Client(raise_request_exception=False)
            client.force_login(self._user)
            self._session = client.cookies[settings.SESSION_COOKIE_NAME].value
        return client

    def _is_logged_in(self, client: Client) -> bool:
        if not self._session:
            return False
        request: Any = HttpRequest()
        request.session = client.session
        if get_user(request) != self._user:
            return False
        return UserSession.objects.live().filter(user=self._user).exists()
