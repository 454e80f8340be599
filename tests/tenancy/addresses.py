"""Every address of the installation, with parameters that name what belongs to somebody else."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db import models
from django.urls import Resolver404, URLResolver, get_resolver, resolve

from crm.core.models import SavedView
from crm.organizations.models import CustomRole, Membership
from tests.tenancy.world import Theirs

# How to fill a parameter whose name is not "<model>_id". A new one that is missing here fails the
# test: an address that it cannot visit is one that nobody has proved closed.
PARAMETERS: Mapping[str, Callable[[Theirs], str]] = {
    "stream": lambda theirs: theirs.stream,
    "member_id": lambda theirs: str(theirs.rows[Membership].pk),
    "pk": lambda theirs: str(theirs.passkey.pk),
    "organizations:role key": lambda theirs: str(theirs.rows[CustomRole].pk),
    "billing:change plan": lambda theirs: "pro",
    "slug": lambda theirs: theirs.organization.slug,
    "transfer:export slug": lambda theirs: "customers",
    "jobs:api_file name": lambda theirs: "result",
    "language": lambda theirs: "en",
    "view_id": lambda theirs: str(theirs.rows[SavedView].pk),
    "message_id": lambda theirs: theirs.message_id,
    "question_id": lambda theirs: theirs.question_id,
}
# Of regular expressions, and of paths with converters.
CAUGHT = re.compile(r"\(\?P<(?P<name>\w+)>(?:[^()]|\([^()]*\))*\)")
CONVERTED = re.compile(r"<(?:\w+:)?(?P<name>\w+)>")
# Keys of letters and the like: a stranger has none, and what they try instead opens nothing.
SECRETS = {"provider_id": "nobody", "token": "t" * 43, "key": "x-y", "uidb36": "1", "otp": "000000"}
# Admin's own: neither names anything of an organization.
ADMIN_PARAMETERS: Mapping[str, str] = {"app_label": "organizations", "url": "nowhere/"}


class CannotVisit(Exception):
    """The test does not know how to fill an address."""


@dataclass(frozen=True, slots=True)
class Address:
    name: str
    path: str


def addresses(theirs: Theirs) -> Iterator[Address]:
    """Give every address that has a view; raises CannotVisit."""
    for name, route in _walk(get_resolver().url_patterns):
        yield Address(name, _path(route, _filled(name, route, theirs)))


def addresses_of_views(theirs: Theirs, *, is_admin: bool) -> list[Address]:
    """Return one address of each view: of the operator's admin, or of everything else."""
    found: dict[tuple[str, Any], Address] = {}
    for address in addresses(theirs):
        if address.name.startswith("admin:") is not is_admin:
            continue
        try:
            view = resolve(address.path).func
        except Resolver404:
            continue
        found.setdefault((address.name, view), address)
    return list(found.values())


def addresses_without_repeats(theirs: Theirs) -> list[Address]:
    """Return one address of each view, but of the admin's lists and forms only every eighth.

    The admin has the same views for each model, behind one check.
    """
    of_admin = addresses_of_views(theirs, is_admin=True)
    of_models = [address for address in of_admin if address.name in _names_of_models()]
    own = [address for address in of_admin if address.name not in _names_of_models()]
    return [*addresses_of_views(theirs, is_admin=False), *own, *of_models[::8]]


def _names_of_models() -> set[str]:
    return {
        f"admin:{model._meta.app_label}_{model._meta.model_name}_{verb}"
        for model in admin.site._registry
        for verb in ("changelist", "add", "change", "delete", "history")
    }


def _walk(
    patterns: list[Any], spaces: tuple[str, ...] = (), route: tuple[Any, ...] = ()
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = (*spaces, pattern.namespace) if pattern.namespace else spaces
            yield from _walk(pattern.url_patterns, inner, (*route, pattern))
        else:
            name = ":".join((*spaces, pattern.name or str(pattern.pattern)))
            yield name, (*route, pattern)


def _filled(name: str, route: tuple[Any, ...], theirs: Theirs) -> dict[str, str]:
    pieces = " ".join(str(piece.pattern) for piece in route)
    found = {match["name"] for match in (*CAUGHT.finditer(pieces), *CONVERTED.finditer(pieces))}
    return {parameter: _fill(name, parameter, theirs) for parameter in found}


def _fill(name: str, parameter: str, theirs: Theirs) -> str:
    if name.startswith("admin:"):
        if parameter in ADMIN_PARAMETERS:
            return ADMIN_PARAMETERS[parameter]
        for model in admin.site._registry:
            prefix = f"admin:{model._meta.app_label}_{model._meta.model_name}_"
            if parameter == "object_id" and name.startswith(prefix):
                row = theirs.rows.get(model)
                return str(row.pk) if row else str(theirs.owner.user_id)
        # The short form of an address, which only forwards.
        return str(theirs.owner.user_id)
    for known in (f"{name} {parameter}", parameter):
        if known in PARAMETERS:
            return PARAMETERS[known](theirs)
    if parameter in SECRETS:
        return SECRETS[parameter]
    if row := _row_named(parameter.removesuffix("_id").replace("_", ""), name, theirs):
        return str(row.pk)
    raise CannotVisit(
        f"{name} has the parameter {parameter}: say in tests/tenancy/addresses.py how to fill it "
        "with something of another organization."
    )


def _row_named(noun: str, name: str, theirs: Theirs) -> models.Model | None:
    """Give their row of the model that is called so: `key` is an ApiKey, `role` a CustomRole."""
    app = name.partition(":")[0]
    fitting = [
        (model._meta.model_name != noun, model._meta.app_label != app, model._meta.label)
        for model in theirs.rows
        if str(model._meta.model_name).endswith(noun)
    ]
    return theirs.rows[apps.get_model(min(fitting)[2])] if fitting else None


def _path(route: tuple[Any, ...], filled: dict[str, str]) -> str:
    """Build the path from its pieces: reversing a name would give one of several addresses."""
    path = "/"
    for piece in route:
        text = str(piece.pattern).removeprefix("^").removesuffix("$")
        text = CAUGHT.sub(lambda found: filled[found["name"]], text)
        path += CONVERTED.sub(lambda found: filled[found["name"]], text)
    if set("<(^$") & set(path):
        raise CannotVisit(f"{path}: say in tests/tenancy/addresses.py how to visit it.")
    return path.replace("\\", "")
