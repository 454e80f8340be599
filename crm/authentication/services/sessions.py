"""Services of browser sessions: start, use, end.

A session consists of Django's own (Redis before PostgreSQL) and a record with its place of use and
its expiry. Both must be valid.
"""

import time
from collections.abc import Sequence
from datetime import timedelta
from importlib import import_module
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, get_user
from django.contrib.auth import SESSION_KEY as USER_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.core.cache import cache
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from crm.authentication.models import (
    EndReason,
    ImpersonationEndReason,
    SecuritySettings,
    UserSession,
)
from crm.authentication.models.session import USE_NOTED_EVERY
from crm.authentication.services.impersonation import end_impersonations
from crm.authentication.signals import session_expired
from crm.core import realtime, tenancy
from crm.core.http.attendance import is_unattended
from crm.core.http.user_agent import Client
from crm.core.permissions import WRITE, Module, Principal, require
from crm.core.redis_circuit_breaker import insisting
from crm.core.versions import check_version
from crm.organizations.models import Membership, User
from crm.organizations.services.members import SESSION_KEY, current_membership

# What the session itself keeps of its record: its id, and when somebody logged in.
RECORD_KEY = "user_session"
BEGUN_KEY = "begun_at"
_KNOWN_SECONDS = int(USE_NOTED_EVERY.total_seconds())
_SALT = "crm.authentication.user_session"
_OVER = 0.0
# An ended session stays known as such for as long as a stale copy of it could come from a cache.
_OVER_SECONDS = 3600
KEPT_AFTER_END = timedelta(days=90)
# Rows of one statement, and statements of one run, of a purge.
PURGED_AT_ONCE = 1_000
MAX_BATCHES = 200


def begin_session(*, request: HttpRequest, user: User) -> UserSession:
    """Record a log-in that Django has just started."""
    session = request.session
    if session.session_key is None:
        session.create()
    now = timezone.now()
    membership = current_membership(
        user=user, organization_id=session.get(SESSION_KEY), granted_at=now
    )
    client = Client.of(request)
    if membership is not None:
        # Where the next request looks first.
        session[SESSION_KEY] = str(membership.organization_id)
    with tenancy.person(user.pk):
        record, _created = UserSession.objects.update_or_create(
            key=session.session_key,
            defaults={
                "user": user,
                "organization": membership.organization if membership else None,
                "device": client.device,
                "address": client.address,
                "created_at": now,
                "last_used_at": now,
                "ended_at": None,
                "ended_because": "",
            },
        )
        ends_at = record.ends_at()
    session[RECORD_KEY] = str(record.pk)
    session[BEGUN_KEY] = now.isoformat()
    cache.set(_cache_key(record.pk), _signed(record, ends_at.timestamp()), _KNOWN_SECONDS)
    return record


def is_session_good(request: HttpRequest, user: User) -> bool:
    """Return whether the session of a request is valid, and record its use once a minute.

    Costs one read in Redis; a query and an update once a minute, or while Redis is unavailable.
    A request that a page sent with nobody at it is no use, see `is_unattended`.
    """
    record_id = request.session.get(RECORD_KEY)
    if record_id is not None:
        ends_at = _known_end(record_id, request.session.get(SESSION_KEY))
        if ends_at is not None:
            return ends_at > time.time()
    with tenancy.person(user.pk):
        return _look_up(request, user, record_id)


def has_live_session(request: HttpRequest, user: User) -> bool:
    """Return whether nobody ended the session of a request; asks the database, never the cache."""
    record_id: Any = request.session.get(RECORD_KEY)
    with tenancy.person(user.pk):
        return UserSession.objects.live().filter(pk=record_id, user=user).exists()


def move_session(*, request: HttpRequest, user: User, organization_id: UUID) -> None:
    """Switch a session to another organization, whose rules apply from now on."""
    record_id = request.session.get(RECORD_KEY)
    if record_id is None:
        return
    with tenancy.person(user.pk):
        UserSession.objects.live().filter(pk=record_id).update(organization_id=organization_id)
    _uncache_known(record_id)
    # Open pages of the other organization must not go on receiving its messages.
    realtime.close_sockets(user_id=user.pk, logins=[record_id])


def follow_membership(*, session: SessionBase, user: User, membership: Membership) -> bool:
    """Return whether a session fits the rules of the organization that it runs as now.

    One whose organization is gone falls back to another one, by whose rules it lasts from then on.
    """
    organization_id = membership.organization_id
    if session.get(SESSION_KEY) == str(organization_id):
        return True
    session[SESSION_KEY] = str(organization_id)
    record_id: Any = session.get(RECORD_KEY)
    with tenancy.person(user.pk):
        mine = UserSession.objects.live().filter(pk=record_id)
        if mine.exclude(organization_id=organization_id).update(organization_id=organization_id):
            _uncache_known(record_id)
        record = mine.with_rules().first()
        ends_at = record.ends_at() if record is not None else None
    if record is None or ends_at is None or ends_at > timezone.now():
        return True
    end_sessions(user_id=user.pk, because=EndReason.LAPSED, session_id=record.pk)
    return False


def note_use(login: str) -> None:
    """Record the use of a session through a socket, at most once a minute."""
    if cache.add(f"session-used:{login}", 1, _KNOWN_SECONDS):
        UserSession.objects.live().filter(pk=login).update(last_used_at=timezone.now())


def is_same_login(login: str, user: User) -> bool:
    """Return whether a session survived a change of password: the one it was changed in does."""
    record = UserSession.objects.live().filter(pk=login, user=user).first()
    if record is None:
        return False
    kept = _store(record.key).get(HASH_SESSION_KEY)
    return bool(kept) and kept == user.get_session_auth_hash()


def leave_session(*, request: HttpRequest, user: User) -> None:
    """End the session of the previous user of this browser before ``user`` logs in."""
    record_id, user_id = (request.session.get(key) for key in (RECORD_KEY, USER_KEY))
    if record_id is not None and user_id not in (None, str(user.pk)):
        end_sessions(
            user_id=UUID(user_id), because=EndReason.LOGGED_OUT, session_id=UUID(record_id)
        )


@transaction.atomic
def end_sessions(
    *,
    user_id: UUID,
    because: EndReason,
    session_id: UUID | None = None,
    spared_id: str | None = None,
) -> list[UUID]:
    """End one session of a user, or all but the spared one; their sockets close with 4403."""
    with tenancy.person(user_id):
        sessions = UserSession.objects.live().select_for_update().filter(user_id=user_id)
        if session_id is not None:
            sessions = sessions.filter(pk=session_id)
        if spared_id is not None:
            sessions = sessions.exclude(pk=spared_id)
        ended = list(sessions)
        now = timezone.now()
        UserSession.objects.filter(pk__in=[record.pk for record in ended]).update(
            ended_at=now, ended_because=because
        )
        # Whatever somebody did as somebody else in these, they do no longer.
        end_impersonations(
            logins=[record.pk for record in ended], because=ImpersonationEndReason.LOGGED_OUT
        )
    engine: Any = import_module(settings.SESSION_ENGINE)
    stored = engine.SessionStore.get_model_class().objects
    stored.filter(session_key__in=[record.key for record in ended]).delete()
    # After the commit: a copy could be read into the cache again until then.
    transaction.on_commit(lambda: _forget(ended), robust=True)
    transaction.on_commit(lambda: _notify(user_id, because, ended), robust=True)
    return [record.pk for record in ended]


def purge_ended_sessions() -> int:
    """Delete records that ended, or expired unused, longer than KEPT_AFTER_END ago."""
    horizon = timezone.now() - KEPT_AFTER_END
    count, _each = UserSession.objects.filter(ended_at__lt=horizon).delete()
    unseen, _each = UserSession.objects.live().filter(last_used_at__lt=horizon).delete()
    return count + unseen


def purge_lapsed_stores() -> int:
    """Delete Django's sessions that have expired, also of whoever never logged in; in batches."""
    engine: Any = import_module(settings.SESSION_ENGINE)
    stored = engine.SessionStore.get_model_class().objects
    count = 0
    for _batch in range(MAX_BATCHES):
        lapsed = stored.filter(expire_date__lt=timezone.now())
        keys = list(lapsed.values_list("pk", flat=True)[:PURGED_AT_ONCE])
        # Its expiry is asked for again: one that was used meanwhile stays.
        count += lapsed.filter(pk__in=keys).delete()[0]
        if len(keys) < PURGED_AT_ONCE:
            break
    return count


def _look_up(request: HttpRequest, user: User, record_id: str | None) -> bool:
    record = UserSession.objects.with_rules().filter(pk=record_id).first() if record_id else None
    if record is None or record.user_id != user.pk:
        # Nothing says when it is over: it is.
        return False
    organization_id: Any = request.session.get(SESSION_KEY)
    if not runs_as_recorded(record.organization_id, organization_id):
        record = _rejoined(record, user, organization_id)
    now = timezone.now()
    if record.ends_at() <= now:
        if record.ended_at is None:
            end_sessions(user_id=user.pk, because=EndReason.LAPSED, session_id=record.pk)
        return False
    is_unattended_page = is_unattended(request)
    is_used = not is_unattended_page and record.last_used_at <= now - USE_NOTED_EVERY
    if is_used or record.key != request.session.session_key:
        client = Client.of(request)
        record.last_used_at = now if is_used else record.last_used_at
        record.device, record.address = client.device, client.address
        # A change of password gives the session another key.
        record.key = request.session.session_key or record.key
        record.save(update_fields=["last_used_at", "device", "address", "key"])
    if not is_unattended_page:
        # Else the next use, within a minute, would not be looked up, and not noted.
        _know(record)
    return True


def runs_as_recorded(recorded_id: UUID | None, organization_id: str | None) -> bool:
    """Return whether the record of a session names the organization that the session runs as.

    Two requests at once can leave another one there: the last to end stores its own copy of the
    session.
    """
    return organization_id is None or recorded_id is None or str(recorded_id) == organization_id


def _rejoined(record: UserSession, user: User, organization_id: str) -> UserSession:
    """Write the organization that a session runs as into its record, whose rules it then has."""
    theirs = Membership.objects.of(user).belonging().filter(organization_id=organization_id)
    if not theirs.exists():
        # It falls back to another one, see `follow_membership`.
        return record
    UserSession.objects.live().filter(pk=record.pk).update(organization_id=organization_id)
    # What is known is of the other organization.
    _uncache_known(record.pk)
    return UserSession.objects.with_rules().get(pk=record.pk)


def _know(record: UserSession) -> None:
    # Only where nothing is known: the end, which another request may just have noted, stays.
    signed = _signed(record, record.ends_at().timestamp())
    cache.add(_cache_key(record.pk), signed, _KNOWN_SECONDS)


def _uncache_known(record_id: UUID | str) -> None:
    with insisting():
        cache.delete(_cache_key(record_id))


def _forget(ended: Sequence[UserSession]) -> None:
    if not ended:
        return
    over = {_cache_key(record.pk): _signed(record, _OVER) for record in ended}
    with insisting():
        cache.set_many(over, _OVER_SECONDS)
    for record in ended:
        store = _store(record.key)
        store.delete(record.key)


def _notify(user_id: UUID, because: EndReason, ended: Sequence[UserSession]) -> None:
    if not ended:
        return
    realtime.close_sockets(user_id=user_id, logins=[str(record.pk) for record in ended])
    session_expired.send_robust(
        sender=UserSession,
        user_id=user_id,
        because=because,
        session_ids=[record.pk for record in ended],
        family_ids=[],
    )


def _store(key: str) -> SessionBase:
    engine: Any = import_module(settings.SESSION_ENGINE)
    store: SessionBase = engine.SessionStore(key)
    return store


def session_of_key(key: str) -> HttpRequest:
    """Return a request with this session, for code outside of Django's middleware."""
    request = HttpRequest()
    request.session = _store(key)
    request.user = get_user(request)
    return request


def _signed(record: UserSession, ends_at: float) -> str:
    """Return the signed cache value of a session's expiry: write access to Redis
    extends nothing.
    """
    return Signer(salt=_SALT).sign(f"{record.pk}|{record.organization_id}|{ends_at!r}")


def _known_end(record_id: str, organization_id: str | None) -> float | None:
    """Return a session's cached expiry in seconds since the epoch, else None.

    One by the rules of another organization than the session's is not known; the end itself is.
    """
    kept = cache.get(_cache_key(record_id))
    if not isinstance(kept, str):
        return None
    try:
        of_record, recorded_id, text = Signer(salt=_SALT).unsign(kept).split("|")
    except (BadSignature, ValueError):
        return None
    if of_record != str(record_id):
        return None
    ends_at = float(text)
    is_theirs = organization_id is None or recorded_id in {organization_id, str(None)}
    return ends_at if is_theirs or ends_at == _OVER else None


def _cache_key(record_id: UUID | str | None) -> str:
    return f"user-session:{record_id}"


def security_of(principal: Principal) -> SecuritySettings:
    """Return the security settings of an organization, or the defaults."""
    found = SecuritySettings.objects.filter(organization_id=principal.organization_id).first()
    return found or SecuritySettings(organization_id=principal.organization_id)


@transaction.atomic
def set_log_in_rules(
    *, by: Principal, session_hours: int, idle_minutes: int, version: int | None = None
) -> SecuritySettings:
    """Set how long log-ins last; cached sessions keep the old rule for a minute.

    ``version`` is the version that the edit was made from. Raise EditedMeanwhile.
    """
    require(by, Module.SETTINGS, WRITE)
    SecuritySettings.objects.get_or_create(organization_id=by.organization_id)
    rules = SecuritySettings.objects.select_for_update().get(organization_id=by.organization_id)
    check_version(rules, version)
    rules.session_hours, rules.idle_minutes = session_hours, idle_minutes
    rules.save(update_fields=["session_hours", "idle_minutes", "updated_at"])
    return rules
