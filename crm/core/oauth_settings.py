"""OAUTH_PROVIDERS translated to the settings of django-allauth."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

KNOWN = ("google", "facebook", "microsoft")
_SCOPES: dict[str, dict[str, Any]] = {
    "google": {"SCOPE": ["openid", "profile", "email"], "OAUTH_PKCE_ENABLED": True},
    # Facebook tells an address only if its owner proved it there; it says so nowhere in its answer.
    "facebook": {"METHOD": "oauth2", "SCOPE": ["email", "public_profile"]},
    "microsoft": {"SCOPE": ["User.Read"]},
}
_ORIGINS = {
    "google": "https://accounts.google.com",
    "facebook": "https://www.facebook.com",
    "microsoft": "https://login.microsoftonline.com",
}


def json_object(name: str, text: str) -> dict[str, Any]:
    """Parse a variable that holds a JSON object; empty is an empty one. Raise ValueError."""
    try:
        found = json.loads(text or "{}")
    except ValueError as error:
        raise ValueError(f"{name} is no JSON: {error}.") from error
    if not isinstance(found, dict):
        raise ValueError(f"{name} is no JSON object: write {{...}}.")
    return found


def provider_origins(wanted: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the origins that a log-in may redirect to; ``login_origin`` adds one."""
    found = set()
    for key, given in wanted.items():
        address = urlsplit(given.get("server_url", ""))
        found.add(_ORIGINS.get(key) or f"{address.scheme}://{address.netloc}")
        if origin := given.get("login_origin"):
            found.add(origin)
    return sorted(found)


def provider_settings(wanted: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return SOCIALACCOUNT_PROVIDERS.

    ``wanted`` maps a name to ``client_id`` and ``secret``; "microsoft" may have a ``tenant``, and a
    name that is not known needs the ``server_url`` of its OpenID Connect issuer and may have a
    ``name`` for its button. Raises ValueError, naming what is missing.
    """
    found: dict[str, dict[str, Any]] = {}
    for key, given in wanted.items():
        missing = [field for field in ("client_id", "secret") if not given.get(field)]
        if key not in KNOWN and not given.get("server_url"):
            missing.append("server_url")
        if missing:
            raise ValueError(f'OAUTH_PROVIDERS: "{key}" lacks {", ".join(missing)}.')
        app: dict[str, Any] = {"client_id": given["client_id"], "secret": given["secret"]}
        if key in KNOWN:
            if tenant := given.get("tenant"):
                app["settings"] = {"tenant": tenant}
            found[key] = {"APPS": [app], **_SCOPES[key]}
            continue
        app |= {
            "provider_id": key,
            "name": given.get("name") or key,
            "settings": {"server_url": given["server_url"], "oauth_pkce_enabled": True},
        }
        found.setdefault("openid_connect", {"APPS": []})["APPS"].append(app)
    return found
