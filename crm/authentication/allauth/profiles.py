"""What providers answer: validated as a whole before anything of it is used or stored."""

import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Any

from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import Provider, ProviderException
from django.http import HttpRequest, HttpResponse

from crm.core import ratelimit

MAX_UID = 191
MAX_TEXT = 2_000
_MAX_MEMBERS = 2_000
_MAX_CHARACTERS = 100_000
_IDS = ("sub", "id")
# Claims that are used as texts, of all providers.
_TEXTS = frozenset(
    {
        "email",
        "name",
        "given_name",
        "family_name",
        "first_name",
        "last_name",
        "middle_name",
        "preferred_username",
        "username",
        "user_id",
        "picture_url",
        "displayName",
        "givenName",
        "surname",
        "mail",
        "userPrincipalName",
    }
)
_FLAGS = frozenset({"email_verified", "verified_email", "verified"})


class ProfileUnusable(ProviderException):
    """A profile without an id, or with values that cannot be used; leads to the error page."""


def require_storable(value: Any) -> None:
    """Raise ProfileUnusable for NUL or half of a surrogate pair in any text, or for too much."""
    waiting, seen, length = [value], 0, 0
    while waiting:
        each = waiting.pop()
        seen += 1
        length += len(each) if isinstance(each, str) else 0
        if seen > _MAX_MEMBERS or length > _MAX_CHARACTERS:
            raise ProfileUnusable("It is too large.")
        if isinstance(each, str):
            if "\x00" in each or any(unicodedata.category(character) == "Cs" for character in each):
                raise ProfileUnusable("A text holds characters that cannot be stored.")
        elif isinstance(each, Mapping):
            waiting.extend(each)
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)


def validated_profile(response: Any) -> dict[str, Any]:
    """Return a provider's claims, flags as booleans. Raise ProfileUnusable.

    OpenID Connect has two parts, the token's and those of the user-info endpoint; they have to be
    of one person.
    """
    require_storable(response)
    profile = _validated_claims(response)
    parts = {name: profile[name] for name in ("userinfo", "id_token") if profile.get(name)}
    profile |= {name: _validated_claims(part) for name, part in parts.items()}
    if len({part["sub"] for part in parts.values() if "sub" in part}) > 1:
        raise ProfileUnusable("The token and the user info are of two people.")
    return profile


def _validated_claims(claims: Any) -> dict[str, Any]:
    if not isinstance(claims, dict):
        raise ProfileUnusable("The claims are no object.")
    for name in _IDS:
        if name in claims:
            require_uid(claims[name])
    found = dict(claims)
    for name in _TEXTS & found.keys():
        if found[name] is None:
            del found[name]
        elif not isinstance(found[name], str) or len(found[name]) > MAX_TEXT:
            raise ProfileUnusable(f"{name} is no text, or too long.")
    for name in _FLAGS & found.keys():
        # Some providers write it as a text.
        found[name] = found[name] is True or found[name] == "true"
    return found


def require_uid(uid: Any) -> None:
    """Raise ProfileUnusable unless an id is a text that can be stored and told apart."""
    if not isinstance(uid, str) or not uid.strip() or len(uid) > MAX_UID:
        raise ProfileUnusable("The id is no text, empty or too long.")


class _Guarded:
    """Mixin of a provider: validates its profiles and ignores what a link adds to its request."""

    def redirect_from_request(self, request: HttpRequest) -> HttpResponse:
        count_beginning(request)
        response: HttpResponse = super().redirect_from_request(request)  # type: ignore[misc]
        return response

    def get_auth_params_from_request(self, request: HttpRequest, action: Any) -> dict[str, Any]:
        params: dict[str, Any] = self.get_auth_params()  # type: ignore[attr-defined]
        return params

    def get_scope_from_request(self, request: HttpRequest) -> list[str]:
        scope: list[str] = self.get_scope()  # type: ignore[attr-defined]
        return scope

    def extract_uid(self, data: Any) -> str:
        own = self.app.settings.get("uid_field")  # type: ignore[attr-defined]
        if own is not None:
            claims = data.get("userinfo") or data.get("id_token") or data
            require_uid(claims.get(own))
        try:
            uid: str = super().extract_uid(data)  # type: ignore[misc]
        except KeyError as error:
            raise ProfileUnusable("The profile has no id.") from error
        return uid

    def sociallogin_from_response(self, request: HttpRequest, response: Any) -> SocialLogin:
        profile = validated_profile(response)
        login: SocialLogin = super().sociallogin_from_response(request, profile)  # type: ignore[misc]
        return login


@cache
def _guarded_class(kind: Any) -> type[Provider]:
    return type(f"Guarded{kind.__name__}", (_Guarded, kind), {})


def guarded(provider: Provider) -> Provider:
    """Return the provider with validation of what it answers."""
    kind: Any = type(provider)
    return _guarded_class(kind)(provider.request, app=provider.app)


def count_beginning(request: HttpRequest) -> None:
    """Count the beginning of a log-in, which makes a session. Raise RateLimitExceeded."""
    if not request.user.is_authenticated:
        ratelimit.enforce("log_in_beginning", {"address": ratelimit.client_address(request)})
