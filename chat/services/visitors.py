"""Visitors: allowed sites, and visitor tokens."""

import hashlib
import re
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from chat.domains import LOCAL_HOSTS
from chat.errors import OriginNotAllowed, VisitorUnknown, WidgetNotFound, WidgetPaused
from chat.managers.visits import VisitorTokenQuerySet
from chat.models import IdentitySecret, IdentityUse, VisitorToken, Widget
from crm.authentication.errors import AccessEnded
from crm.core import realtime, tenancy
from crm.core.database.compiled import CompiledSelect
from crm.customers.models import Customer

DEFAULT_PORTS = {"http": 80, "https": 443}
_SEEN_EVERY = timedelta(hours=1)
_PURGED_AT_ONCE = 5000
_PREFIX = "nfv_"
_TOKEN = re.compile(rf"{_PREFIX}[A-Za-z0-9_-]{{43}}")
_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,62})\.)*[a-z0-9_][a-z0-9_-]{0,62}|[0-9a-f:.]+")


@dataclass(frozen=True, slots=True)
class Visit:
    """A browser's visit at a widget; ``token`` is the secret stored by the browser."""

    token: str
    record: VisitorToken
    is_new: bool


def active_widget(site_key: str) -> Widget:
    """Return the widget of a site key, with its organization. Raise WidgetNotFound,
    WidgetPaused.
    """
    if "\x00" in site_key:
        # PostgreSQL refuses to look for it.
        raise WidgetNotFound
    with tenancy.by_lookup(Widget, site_key=site_key):
        widget = (
            Widget.objects.select_related("organization")
            .filter(site_key=site_key, is_active=True, organization__is_active=True)
            .first()
        )
    if widget is None:
        raise WidgetNotFound
    if widget.is_paused:
        raise WidgetPaused
    return widget


def origin_allowed(widget: Widget, origin: str) -> bool:
    """Return whether a page of this origin (``https://shop.example``) may show the widget."""
    parts = _origin_parts(origin)
    if parts is None:
        return False
    scheme, host, port = parts
    return any(_matches(pattern, scheme, host, port) for pattern in widget.allowed_domains)


def frame_ancestors(widget: Widget) -> list[str]:
    """Return the allowed domains as sources of a Content-Security-Policy."""
    sources = []
    for pattern in widget.allowed_domains:
        parts = _pattern_parts(pattern)
        if parts is None:
            continue
        host, port = parts
        shown = f"[{host}]" if ":" in host else host
        if port is not None:
            shown = f"{shown}:{port}"
        elif host in LOCAL_HOSTS:
            shown = f"{shown}:*"
        names = [shown, f"www.{shown}"] if _has_www(host) else [shown]
        sources += [f"{scheme}://{name}" for name in names for scheme in ("https", "http")]
    return sources


def check_origin(widget: Widget, origin: str) -> None:
    """Raise OriginNotAllowed for an origin that may not show the widget."""
    if not origin_allowed(widget, origin):
        raise OriginNotAllowed


@transaction.atomic
def start_visit(
    *,
    widget: Widget,
    token: str | None,
    language_code: str,
    claims: Mapping[str, str] | None = None,
    admit: Callable[[], object] | None = None,
) -> Visit:
    """Return the visit of a known token, or create a visitor with a new token.

    ``admit`` is called before a visitor is created and may raise. ``claims`` is unverified data of
    the page: stored as such, and never used for authentication.
    """
    if token is not None and (known := known_visit(widget=widget, token=token)):
        merge_claims(known.customer, claims)
        return Visit(token=token, record=known, is_new=False)
    if admit is not None:
        admit()
    customer = Customer.objects.create(
        organization_id=widget.organization_id,
        language_code=language_code,
        claimed=dict(claims or {}),
    )
    return issue_visit(widget=widget, customer=customer, is_new=True)


def issue_visit(
    *, widget: Widget, customer: Customer, is_new: bool, secret: IdentitySecret | None = None
) -> Visit:
    """Issue a visitor token for this customer; ``secret`` verified their identity."""
    token = _PREFIX + secrets.token_urlsafe(32)
    now = timezone.now()
    record = VisitorToken.objects.create(
        organization_id=widget.organization_id,
        widget=widget,
        customer=customer,
        token_hash=hash_of(token),
        secret=secret,
        expires_at=_expiry(customer, now),
    )
    return Visit(token=token, record=record, is_new=is_new)


def known_visit(*, widget: Widget, token: str | None) -> VisitorToken | None:
    """Return the record of a valid visitor token of this widget, else None."""
    record = _find(token) if token is not None else None
    return record if record is not None and record.widget_id == widget.pk else None


def merge_claims(customer: Customer, claims: Mapping[str, str] | None) -> None:
    merged = customer.claimed | dict(claims or {})
    if merged != customer.claimed:
        customer.claimed = merged
        customer.save(update_fields=["claimed", "updated_at"])


def authenticate_visitor_token(token: str) -> VisitorToken:
    """Return the record of a token, with customer and widget; one query. Raise VisitorUnknown."""
    known = _find(token)
    if known is None:
        raise VisitorUnknown
    return known


def renew_visit(*, organization_id: UUID, token_id: UUID) -> VisitorToken:
    """Return the record of a token if it is still valid. Raise AccessEnded."""
    with tenancy.organization(organization_id):
        known = VisitorToken.objects.live().filter(pk=token_id).select_related("customer").first()
    if known is None:
        raise AccessEnded
    return known


def live_visits(token_ids: Collection[UUID]) -> set[UUID]:
    """Return the tokens that are still valid; one query."""
    alive = VisitorToken.objects.live().filter(pk__in=token_ids)
    return set(alive.values_list("pk", flat=True)) if token_ids else set()


@transaction.atomic
def end_visits(customer: Customer) -> None:
    """Revoke all tokens of a visitor and close their sockets."""
    VisitorToken.objects.filter(
        organization_id=customer.organization_id, customer_id=customer.pk
    ).delete()
    realtime.kick(realtime.visitor_group(customer.pk))


def extend_visit(record: VisitorToken, *, secret: IdentitySecret | None = None) -> None:
    """Extend a token's expiry after use; ``secret`` replaces the one that it depends on."""
    now = timezone.now()
    is_same = secret is None or secret.pk == record.secret_id
    if is_same and record.last_seen_at >= now - _SEEN_EVERY:
        return
    if secret is not None:
        record.secret = secret
    record.last_seen_at, record.expires_at = now, _expiry(record.customer, now)
    # One that was ended meanwhile stays ended.
    VisitorToken.objects.filter(pk=record.pk).update(
        last_seen_at=now, expires_at=record.expires_at, secret_id=record.secret_id
    )


def purge_visits() -> int:
    """Delete expired tokens and used identity tokens, in bounded batches. Return the tokens'
    number.
    """
    now = timezone.now()
    IdentityUse.objects.filter(expires_at__lt=now).delete()
    old = VisitorToken.objects.filter(expires_at__lt=now).order_by("expires_at")
    ids = list(old.values_list("pk", flat=True)[:_PURGED_AT_ONCE])
    count, _each = VisitorToken.objects.filter(pk__in=ids).delete()
    return count


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _live_with_hash(*, token_hash: str, now: datetime) -> VisitorTokenQuerySet:
    return (
        VisitorToken.objects.live(now)
        .select_related("customer", "widget", "widget__organization")
        .filter(token_hash=token_hash)
    )


_FIND = CompiledSelect(_live_with_hash, token_hash=str, now=datetime)


def _find(token: str) -> VisitorToken | None:
    if not _TOKEN.fullmatch(token):
        return None
    with tenancy.by_lookup(VisitorToken, token_hash=hash_of(token)):
        record = _FIND.first(token_hash=hash_of(token), now=timezone.now())
        if record is not None:
            extend_visit(record)
    return record


def _expiry(customer: Customer, now: datetime) -> datetime:
    days = settings.VERIFIED_VISITOR_DAYS if customer.external_id else settings.VISITOR_DAYS
    return now + timedelta(days=days)


def _origin_parts(origin: str) -> tuple[str, str, int] | None:
    """Split an origin into scheme, host and port; None for ``null`` and invalid origins."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None
    scheme = parts.scheme
    rest: Sequence[str] = (parts.path, parts.query, parts.fragment)
    if scheme not in DEFAULT_PORTS or any(rest) or "@" in parts.netloc or parts.hostname is None:
        return None
    if not origin.isascii() or origin.strip() != origin or origin.endswith(("?", "#", ":")):
        return None
    host = parts.hostname
    if not _HOST.fullmatch(host):
        return None
    return scheme, host, port if port is not None else DEFAULT_PORTS[scheme]


def _pattern_parts(pattern: str) -> tuple[str, str | None] | None:
    """Split ``*.shop.example:8080`` into host and port; the port may be ``*``."""
    found = re.fullmatch(
        r"(?P<host>\*?[^\s:/*\[\]]+|\[[0-9a-f:.]+\])(?::(?P<port>\d{1,5}|\*))?",
        pattern.strip().lower(),
    )
    if found is None:
        return None
    host = found["host"].strip("[]")
    if "*" in host and not host.startswith("*."):
        return None
    return host, found["port"]


def _has_www(host: str) -> bool:
    """Return whether a domain also covers its ``www.`` host, as ``shop.example`` does."""
    if host.startswith(("*.", "www.")) or ":" in host or "." not in host:
        return False
    return not host.rpartition(".")[2].isdigit()


def _matches(pattern: str, scheme: str, host: str, port: int) -> bool:
    parts = _pattern_parts(pattern)
    if parts is None:
        return False
    wanted_host, wanted_port = parts
    if wanted_host.startswith("*."):
        # The dot stays: `*.shop.example` is neither `shop.example` nor `badshop.example`.
        fits = host.endswith(wanted_host[1:]) and host != wanted_host[1:]
    else:
        fits = host == wanted_host or (_has_www(wanted_host) and host == f"www.{wanted_host}")
    if not fits:
        return False
    if wanted_port == "*" or (wanted_port is None and wanted_host in LOCAL_HOSTS):
        return True
    return port == (int(wanted_port) if wanted_port else DEFAULT_PORTS[scheme])
