"""The principals of API keys, for apps below the one that holds the keys."""

from collections.abc import Callable
from uuid import UUID

from crm.core.permissions.principals import ApiKeyPrincipal

Lookup = Callable[[UUID, UUID], ApiKeyPrincipal | None]
_lookups: list[Lookup] = []


def register_key_lookup(lookup: Lookup) -> None:
    """Register ``lookup(organization_id, key_id)``, which returns the principal of a valid key."""
    _lookups.append(lookup)


def principal_of_key(*, organization_id: UUID, key_id: UUID) -> ApiKeyPrincipal | None:
    """Return the present principal of a key, None if it is revoked, expired or unknown."""
    found = (lookup(organization_id, key_id) for lookup in _lookups)
    return next((principal for principal in found if principal is not None), None)
