"""The actor of a change, sent to PostgreSQL in front of each statement that changes audited tables.

The setting ends with the transaction and is sent in the statement's own message, so it costs no
round trip, and a read-only statement carries none.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest, HttpResponse

from crm.compliance.model_tracking import tracked
from crm.compliance.models import ActorKind
from crm.core.http.user_agent import Client
from crm.core.jobs.models import Job
from crm.core.observability.tracing import current_trace
from crm.core.permissions import ApiKeyPrincipal, Principal
from crm.organizations.models import Membership, User

SETTING = "nextflow.audit"


@dataclass(frozen=True, slots=True)
class Actor:
    """``id`` is a user's, an API key's or a visitor's; ``address`` is the client address.

    ``on_behalf_of`` is the user whom an operator impersonates.
    """

    kind: ActorKind
    id: str = ""
    address: str | None = None
    on_behalf_of: str = ""

    @classmethod
    def of(cls, principal: Principal, address: str | None = None) -> "Actor":
        if isinstance(principal, ApiKeyPrincipal):
            return cls(ActorKind.KEY, principal.key_id, address)
        return cls(ActorKind.USER, str(principal.user_id), address)


_request: ContextVar[HttpRequest | None] = ContextVar("audited_request", default=None)
_actor: ContextVar[Actor | None] = ContextVar("audited_actor", default=None)


def actor_middleware(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Attribute the changes of a request to its sender."""

    def answer(request: HttpRequest) -> HttpResponse:
        token = _request.set(request)
        try:
            return get_response(request)
        finally:
            _request.reset(token)

    return answer


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Attribute the changes of the block to this actor: for tasks on a user's behalf."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


def acting_for(job: Job) -> AbstractContextManager[None]:
    """Attribute the changes of a job to whoever started it; of an impersonation, to both."""
    if job.operator_id is not None:
        person = str(job.starter_id)
        return acting(Actor(ActorKind.USER, str(job.operator_id), on_behalf_of=person))
    kind = ActorKind.KEY if job.starter_kind == ApiKeyPrincipal.kind else ActorKind.USER
    return acting(Actor(kind, str(job.starter_id)))


def current_actor() -> Actor:
    """Return the current actor, as far as known without a query."""
    if actor := _actor.get():
        return actor
    request = _request.get()
    address = Client.of(request).address if request is not None else None
    if request is not None:
        # Put there by crm.authentication.impersonation.
        if impersonation := request.__dict__.get("impersonation"):
            operator, person = str(impersonation.operator_id), str(impersonation.user_id)
            return Actor(ActorKind.USER, operator, address, on_behalf_of=person)
        # The types themselves: to ask a lazy object for its class would ask the database.
        asks = request.__dict__.get("membership")
        if type(asks) is ApiKeyPrincipal or type(asks) is Membership:
            return Actor.of(asks, address)
        for user in (request.__dict__.get("user"), request.__dict__.get("_cached_user")):
            if type(user) is User:
                return Actor(ActorKind.USER, str(user.pk), address)
    trace = current_trace()
    if trace is not None and (user_id := trace.user_of()):
        # Sockets name visitors and keys with what they are: `visitor:<customer>`, `key:<id>`.
        kind, _colon, named = user_id.rpartition(":")
        return Actor(ActorKind(kind) if kind in ActorKind else ActorKind.USER, named, address)
    return Actor(ActorKind.NOBODY if request is not None else ActorKind.SYSTEM, "", address)


def send_actor(
    execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: dict[str, Any]
) -> Any:
    """Send the actor in front of a statement that changes audited tables."""
    if not isinstance(sql, str) or not _changes_what_is_watched().match(sql):
        return execute(sql, params, many, context)
    payload = _payload()
    if payload is None:
        return execute(sql, params, many, context)
    quoted = payload.replace("'", "''")
    front = f"SELECT set_config('{SETTING}', '{quoted}', true); "
    cursor = context["cursor"]
    if many:
        cursor.cursor.execute(front)
        return execute(sql, params, many, context)
    if params is not None:
        front = front.replace("%", "%%")
    result = execute(front + sql, params, many, context)
    # The first result is the setting's.
    cursor.nextset()
    return result


def set_actor(cursor: Any) -> None:
    """Set the actor in the current transaction, where no audited statement carries it."""
    if payload := _payload():
        cursor.execute("SELECT set_config(%s, %s, true)", [SETTING, payload])


def listen(*, connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Install `send_actor` on a connection."""
    if send_actor not in connection.execute_wrappers:
        connection.execute_wrappers.append(send_actor)


def _payload() -> str | None:
    actor = current_actor()
    trace = current_trace()
    payload: dict[str, str] = {}
    if actor.id:
        payload |= {"k": actor.kind.value, "i": actor.id}
    if trace is not None:
        payload["c"] = trace.correlation_id
    if actor.address:
        payload["a"] = actor.address
    if actor.on_behalf_of:
        payload["o"] = actor.on_behalf_of
    if not payload:
        return None
    return json.dumps(payload, separators=(",", ":"))


@cache
def _changes_what_is_watched() -> re.Pattern[str]:
    tables = "|".join(re.escape(each.table) for each in tracked())
    return re.compile(rf'(?:INSERT INTO|UPDATE|DELETE FROM) "(?:{tables})"')
