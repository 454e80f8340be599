"""Services of log-ins of programs that act for a user.

A refresh token is valid once: using it returns the next one of its family. Reuse indicates theft of
it or its successor: the family is revoked. The next token is derived from the last with a key of
ours, so that a client whose response was lost, or whose second tab refreshes concurrently, gets the
same successor for a few seconds without storing it.
"""

import base64
import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from crm.authentication import access_tokens
from crm.authentication.errors import (
    OtpInvalid,
    OtpRequired,
    RefreshTokenInvalid,
    RefreshTokenReused,
    WrongCredentials,
)
from crm.authentication.first_step import is_unchanged, locked_user
from crm.authentication.models import EndReason, RefreshToken, TokenFamily
from crm.authentication.principals import authenticate_refresh
from crm.authentication.signals import refresh_token_reused, session_expired
from crm.core import realtime, tenancy
from crm.core.http.user_agent import Client
from crm.core.permissions.errors import NoOrganization
from crm.organizations.models import Membership, User

logger = logging.getLogger(__name__)

GRACE = timedelta(seconds=10)
KEPT_AFTER_END = timedelta(days=90)
_PREFIX = "nfr_"
_FORM = re.compile(rf"{_PREFIX}[A-Za-z0-9_-]{{43}}")


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a client; lifetimes in seconds."""

    access_token: str
    expires_in: int
    refresh_token: str
    refresh_expires_in: int
    family: TokenFamily


@transaction.atomic
def start_family(
    *,
    membership: Membership,
    checked: User,
    client: Client,
    shown_factor: Authenticator | None = None,
) -> Tokens:
    """Log in a program for a user whose credentials were verified.

    ``checked`` is the account as it was read for that. What changed while the password was hashed
    counts: raise WrongCredentials for another password, OtpRequired for a second factor that was
    not shown, OtpInvalid for one that was removed, NoOrganization for a membership that ended.
    """
    if not is_unchanged(locked_user(checked), checked):
        raise WrongCredentials
    if shown_factor is None and is_mfa_enabled(checked):
        raise OtpRequired
    if shown_factor and not Authenticator.objects.filter(pk=shown_factor.pk).exists():
        raise OtpInvalid
    with tenancy.organization(membership.organization_id):
        # Locked, too: whoever ends the membership ends this log-in with it.
        present = Membership.objects.select_for_update(of=("self",), no_key=True)
        if present.active().filter(pk=membership.pk).first() is None:
            raise NoOrganization
        now = timezone.now()
        family = TokenFamily.objects.create(
            organization_id=membership.organization_id,
            user_id=membership.user_id,
            membership=membership,
            device=client.device,
            address=client.address,
            expires_at=now + timedelta(days=settings.REFRESH_TOKEN_DAYS),
        )
        token = _PREFIX + secrets.token_urlsafe(32)
        _store(family, token)
        return _tokens(family, token, now)


def refresh_tokens(*, refresh_token: str, client: Client) -> Tokens:
    """Return new tokens for a refresh token, once; reuse revokes the whole family."""
    with _behind(refresh_token):
        tokens = _rotate(refresh_token=refresh_token, client=client)
    if tokens is None:
        # Outside of the transaction that ended the family: the refusal must not undo it.
        raise RefreshTokenReused
    return tokens


@transaction.atomic
def _rotate(*, refresh_token: str, client: Client) -> Tokens | None:
    now = timezone.now()
    token = _find(refresh_token)
    # The family is the lock: two requests with one token take turns.
    family = TokenFamily.objects.select_for_update().live(now).filter(pk=token.family_id).first()
    if family is None:
        raise RefreshTokenInvalid
    authenticate_refresh(family)
    token.refresh_from_db(fields=["rotated_at", "rotated_by"])
    successor = _successor(refresh_token)
    if token.rotated_at is None:
        token.rotated_at, token.rotated_by = now, client.mark
        token.save(update_fields=["rotated_at", "rotated_by"])
        _store(family, successor)
        family.last_used_at, family.address = now, client.address
        family.device = client.device
        family.save(update_fields=["last_used_at", "address", "device"])
        return _tokens(family, successor, now)
    if now - token.rotated_at <= GRACE and token.rotated_by == client.mark:
        return _tokens(family, successor, now)
    _end([family], because=EndReason.REUSED)
    _report_reuse(family, client)
    return None


def revoke_token(*, refresh_token: str) -> None:
    """Revoke the family of a refresh token; an invalid token is ignored."""
    with _behind(refresh_token):
        try:
            token = _find(refresh_token)
        except RefreshTokenInvalid:
            return
        family = token.family
    end_families(user_id=family.user_id, because=EndReason.LOGGED_OUT, family_id=family.pk)


@transaction.atomic
def end_families(
    *,
    user_id: UUID,
    because: EndReason,
    family_id: UUID | None = None,
    organization_id: UUID | None = None,
) -> list[UUID]:
    """Revoke one of a user's families, those in one organization, or all.

    Refresh tokens, access tokens and sockets end with them.
    """
    with tenancy.person(user_id):
        families = TokenFamily.objects.live().select_for_update().filter(user_id=user_id)
        if family_id is not None:
            families = families.filter(pk=family_id)
        if organization_id is not None:
            families = families.filter(organization_id=organization_id)
        ended = list(families)
        _end(ended, because=because)
    return [family.pk for family in ended]


def purge_families() -> int:
    """Delete families that expired longer than KEPT_AFTER_END ago. Return their number."""
    horizon = timezone.now() - KEPT_AFTER_END
    count, _each = TokenFamily.objects.filter(expires_at__lt=horizon).delete()
    return count


def _end(families: Sequence[TokenFamily], *, because: EndReason) -> None:
    if not families:
        return
    TokenFamily.objects.filter(pk__in=[family.pk for family in families]).update(
        ended_at=timezone.now(), ended_because=because
    )
    transaction.on_commit(lambda: _notify(families, because), robust=True)


def _notify(families: Sequence[TokenFamily], because: EndReason) -> None:
    user_id = families[0].user_id
    realtime.close_sockets(user_id=user_id, logins=[str(family.pk) for family in families])
    session_expired.send_robust(
        sender=TokenFamily,
        user_id=user_id,
        because=because,
        session_ids=[],
        family_ids=[family.pk for family in families],
    )


def _report_reuse(family: TokenFamily, client: Client) -> None:
    logger.warning(
        "A refresh token was shown again after it was used: its family was ended.",
        extra={
            "metadata": {
                "action": "authentication.refresh_token_reused",
                "organization_id": str(family.organization_id),
                "user_id": str(family.user_id),
                "family_id": str(family.pk),
            }
        },
    )
    transaction.on_commit(
        lambda: refresh_token_reused.send_robust(
            sender=TokenFamily,
            user_id=family.user_id,
            organization_id=family.organization_id,
            family_id=family.pk,
            address=client.address,
        ),
        robust=True,
    )


def _behind(refresh_token: str) -> AbstractContextManager[None]:
    return tenancy.by_lookup(RefreshToken, token_hash=_hash(refresh_token))


def _find(refresh_token: str) -> RefreshToken:
    if not _FORM.fullmatch(refresh_token):
        raise RefreshTokenInvalid
    token = (
        RefreshToken.objects.select_related("family")
        .filter(token_hash=_hash(refresh_token))
        .first()
    )
    if token is None:
        raise RefreshTokenInvalid
    return token


def _store(family: TokenFamily, token: str) -> None:
    RefreshToken.objects.create(
        organization_id=family.organization_id, family=family, token_hash=_hash(token)
    )


def _tokens(family: TokenFamily, refresh_token: str, now: datetime) -> Tokens:
    return Tokens(
        access_token=access_tokens.issue(
            user_id=family.user_id, organization_id=family.organization_id, family_id=family.pk
        ),
        expires_in=settings.ACCESS_TOKEN_SECONDS,
        refresh_token=refresh_token,
        refresh_expires_in=max(0, int((family.expires_at - now).total_seconds())),
        family=family,
    )


def _successor(token: str) -> str:
    key = hashlib.sha256(f"refresh tokens\n{settings.SECRET_KEY}".encode()).digest()
    digest = hmac.new(key, token.encode(), hashlib.sha256).digest()
    return _PREFIX + base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
