"""Scopes of API keys: ``area:read`` and ``area:write``."""

from collections.abc import Iterable

from crm.core.permissions.modules import READ, WRITE, Action, Level, Module
from crm.core.permissions.rights import Grant, Rights

SCOPES: tuple[str, ...] = tuple(f"{area}:{action}" for area in Module for action in Action)


def rights_of_scopes(scopes: Iterable[str]) -> Rights:
    """Return the permissions of these scopes; write includes read. Unknown scopes are ignored."""
    named = set(scopes)
    grants = {}
    for area in Module:
        write = Level.ALL if f"{area}:{WRITE}" in named else Level.NONE
        read = Level.ALL if f"{area}:{READ}" in named else write
        grants[area] = Grant(read=read, write=write)
    return Rights(grants)


def scopes_of(rights: Rights) -> tuple[str, ...]:
    """Return the scopes that a principal may put on a key: those at the level ``all``."""
    return tuple(
        f"{area}:{action}"
        for area in Module
        for action in Action
        if rights.level(area, action) == Level.ALL
    )
