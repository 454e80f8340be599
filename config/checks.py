"""System checks of a secure installation; run by `manage.py check`."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004  Django's name
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connections

from crm.core.database.base import DatabaseWrapper
from crm.core.database.rls_policies import models_without_policy, tables_of_organizations
from crm.core.database.roles import complaints
from crm.core.http.public_address import public_origin
from crm.core.ratelimit.rates import BadRate, parse_rate

STORES = {
    "DATABASE_URL": (
        {"postgres", "postgresql", "psql"},
        "postgresql://user:password@host:5432/name",
    ),
    "MONGODB_URL": ({"mongodb", "mongodb+srv"}, "mongodb://host:27017/?replicaSet=rs0"),
    "REDIS_URL": ({"redis", "rediss", "valkey", "unix"}, "redis://host:6379/0"),
    "QDRANT_URL": ({"http", "https"}, "http://host:6333"),
}


@register()
def stores_are_urls(**kwargs: Any) -> list[CheckMessage]:
    """Report invalid store URLs, with the variable and its form."""
    urls = {
        "DATABASE_URL": settings.STORE_URLS.database,
        "MONGODB_URL": settings.STORE_URLS.mongodb,
        "REDIS_URL": settings.STORE_URLS.redis,
        "QDRANT_URL": settings.STORE_URLS.qdrant,
    }
    messages: list[CheckMessage] = []
    for number, (name, (schemes, form)) in enumerate(STORES.items(), start=1):
        if urlsplit(urls[name]).scheme not in schemes:
            messages.append(
                Error(
                    f"{name} is not a URL of its store.",
                    hint=f"Set {name} to something like {form}, or leave it out to use the "
                    "embedded engine.",
                    id=f"nextflow.E00{number}",
                )
            )
    return messages


@register()
def secret_key_is_set(**kwargs: Any) -> list[CheckMessage]:
    try:
        if settings.SECRET_KEY:
            return []
    except ImproperlyConfigured:
        # Django refuses to read an empty one, without saying how to make another.
        pass
    return [
        Error(
            "SECRET_KEY is not set.",
            hint="Set SECRET_KEY to at least 50 random characters, for example the output of "
            "`python -c 'import secrets; print(secrets.token_urlsafe(50))'`.",
            id="nextflow.E010",
        )
    ]


@register()
def limits_are_sane(**kwargs: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    if not 1 <= settings.CHAT_HEARTBEAT_SECONDS <= 55:
        messages.append(
            Error(
                "CHAT_HEARTBEAT_SECONDS must lie between 1 and 55.",
                hint="Proxies cut connections that are silent for 60 seconds; 25 is a good value.",
                id="nextflow.E011",
            )
        )
    if settings.LOG_LEVEL not in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}:
        messages.append(
            Error(
                "LOG_LEVEL is not a level.",
                hint="Set LOG_LEVEL to DEBUG, INFO, WARNING, ERROR or CRITICAL.",
                id="nextflow.E012",
            )
        )
    return messages


@register()
def rate_limits_are_rates(**kwargs: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    for name, text in settings.RATE_LIMITS.items():
        try:
            parse_rate(text)
        except BadRate as error:
            messages.append(
                Error(f"RATE_LIMITS: {name} cannot be read.", hint=str(error), id="nextflow.E013")
            )
    if unknown := sorted(set(settings.RATE_LIMITS) - set(settings.RATE_LIMIT_DEFAULTS)):
        messages.append(
            Error(
                f"RATE_LIMITS names what does not exist: {', '.join(unknown)}.",
                hint=f"Known are: {', '.join(sorted(settings.RATE_LIMIT_DEFAULTS))}.",
                id="nextflow.E014",
            )
        )
    return messages


@register()
def keys_are_keys(**kwargs: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    for name in ("ACCESS_TOKEN_KEYS", "AUDIT_KEYS"):
        pairs = [pair.partition(":") for pair in getattr(settings, name)]
        kids = {kid for kid, _colon, _secret in pairs}
        is_short = any(not kid or len(secret) < 32 for kid, _colon, secret in pairs)
        if is_short or len(kids) < len(pairs):
            messages.append(
                Error(
                    f"{name} cannot be read.",
                    hint="Write kid:secret pairs with commas: each kid once, secrets of 32 "
                    "characters or more.",
                    id="nextflow.E015",
                )
            )
    for key in settings.CREDENTIAL_KEYS:
        try:
            Fernet(key)
        except ValueError:
            messages.append(
                Error(
                    "CREDENTIAL_KEYS holds what is no Fernet key.",
                    hint="Make one: python -c 'from cryptography.fernet import Fernet as F; "
                    "print(F.generate_key().decode())'",
                    id="nextflow.E016",
                )
            )
    return messages


@register(Tags.security, deploy=True)
def ready_for_strangers(**kwargs: Any) -> list[CheckMessage]:
    """Report the missing settings of an installation with public access."""
    messages: list[CheckMessage] = []
    if not settings.ALLOWED_HOSTS:
        messages.append(
            Error(
                "ALLOWED_HOSTS is empty.",
                hint="Set ALLOWED_HOSTS to the host names of the installation, with commas.",
                id="nextflow.E020",
            )
        )
    if any(host in {"*", "."} for host in settings.ALLOWED_HOSTS):
        messages.append(
            Error(
                "ALLOWED_HOSTS lets every host in.",
                hint="Name the hosts of the installation instead of *: the origins of sockets "
                "follow the host of a request.",
                id="nextflow.E025",
            )
        )
    if not public_origin():
        messages.append(
            Warning(
                "CSRF_TRUSTED_ORIGINS names no address: links in emails follow the host of a "
                "request.",
                hint="Set CSRF_TRUSTED_ORIGINS to how people open the installation, such as "
                "https://crm.example.com.",
                id="nextflow.W026",
            )
        )
    if settings.DEMO_ENABLED:
        messages.append(
            Warning(
                "The demo is enabled: its log-ins are public.",
                hint="Set DEMO_ENABLED=false and remove the demo's organizations.",
                id="nextflow.W021",
            )
        )
    if not settings.METRICS_TOKEN:
        messages.append(
            Warning(
                "METRICS_TOKEN is not set: /metrics answers this machine alone.",
                hint="Set METRICS_TOKEN to a random value and give it to the scraper.",
                id="nextflow.W022",
            )
        )
    if not settings.EMAIL_URL and not settings.ANYMAIL:
        messages.append(
            Warning(
                "EMAIL_URL is not set: emails go to a mail server on this machine.",
                hint="Set EMAIL_URL, or EMAIL_BACKEND and ANYMAIL, and DEFAULT_FROM_EMAIL.",
                id="nextflow.W023",
            )
        )
    if not settings.CREDENTIAL_KEYS:
        messages.append(
            Warning(
                "CREDENTIAL_KEYS is not set: credentials are sealed with a key from SECRET_KEY.",
                hint="Set CREDENTIAL_KEYS, so that SECRET_KEY can be changed by itself.",
                id="nextflow.W024",
            )
        )
    return messages


@register(Tags.models)
def organizations_are_locked(**kwargs: Any) -> list[CheckMessage]:
    """Report models that refer to tenant tables without being protected themselves."""
    return [
        Error(
            f"{model._meta.label} points to rows of organizations, but has none itself.",
            hint="Give it an `organization`, or a required link to a row that has one; "
            "or say `shared = True` where its rows hold no secrets.",
            obj=model,
            id="nextflow.E017",
        )
        for model in models_without_policy()
    ]


@register(Tags.database)
def application_is_held(
    databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Report where row-level security does not apply to the application's role."""
    messages: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if not isinstance(connection, DatabaseWrapper) or connection.is_owner:
            continue
        try:
            with connection.cursor() as cursor:

                def ask(statement: str, values: Sequence[Any]) -> Sequence[Any]:
                    cursor.execute(statement, values)
                    row: Sequence[Any] = cursor.fetchone()
                    return row

                found = list(
                    complaints(
                        ask,
                        operator=settings.DATABASE_OPERATOR_ROLE,
                        locked=sorted(tables_of_organizations()),
                    )
                )
        except OperationalError:
            # Whether the server answers is the doctor's to say.
            continue
        messages += [Warning(problem, hint=advice, id="nextflow.W015") for problem, advice in found]
    return messages
