"""Members by name, for whoever is told of something: members are not known here."""

import re
from collections.abc import Callable, Sequence
from uuid import UUID

from crm.core.permissions import Principal
from crm.core.text.folding import identity_key, search_key

MAX_MENTIONED = 20
_LONGEST_NAME = 80
_MENTION = re.compile(r"(?:^|(?<=[^\w@]))@(?=[^\s@])")
# The signs that a name may begin with, and the first word.
_FIRST = re.compile(r"([^\w\n@]*)([\w'’-]+)")
# Returns the active members one of whose words begins with a text, as principals.
Directory = Callable[[UUID, str], Sequence[Principal]]
_directories: list[Directory] = []


def set_directory(directory: Directory) -> None:
    _directories[:] = [directory]


def members_named(organization_id: UUID, text: str) -> list[Principal]:
    return [each for directory in _directories for each in directory(organization_id, text)]


def mentioned(organization_id: UUID, text: str) -> list[Principal]:
    """Return the members whom a text names as ``@Name``, without case, and without accents where
    no name has those that are written.

    Of several names that fit, the longest is meant; members who are called alike are all meant. One
    word of a name is enough where it is nobody else's.
    """
    found: dict[UUID | None, Principal] = {}
    for place in list(_MENTION.finditer(text))[:MAX_MENTIONED]:
        after = text[place.end() : place.end() + _LONGEST_NAME]
        first = _FIRST.match(after)
        if first is None:
            continue
        signs, word = first.groups()
        written = _words(after)
        named = members_named(organization_id, word)
        if signs:
            named = [each for each in named if _signs_of(each.actor_name) == _signs_of(after)]
        fitting = [
            (len(name), member)
            for member in named
            if (name := _words(member.actor_name)) and written[: len(name)] == name
        ]
        longest = max((length for length, _member in fitting), default=0)
        meant = [member for length, member in fitting if length == longest]
        meant = _written_so(identity_key(after), str.startswith, meant)
        if not meant:
            meant = [each for each in named if written[0] in _words(each.actor_name)]
            meant = _written_so(identity_key(word), _is_word_of, meant)
            meant = meant if len(meant) == 1 else []
        found |= {member.user_id: member for member in meant}
    return list(found.values())


def _written_so(
    written: str, fits: Callable[[str, str], bool], members: list[Principal]
) -> list[Principal]:
    """Return those whose name fits with its accents, or all where no name does: Bò is not Bơ."""
    return [each for each in members if fits(written, identity_key(each.actor_name))] or members


def _is_word_of(word: str, name: str) -> bool:
    return word in re.findall(r"\w+", name)


def _signs_of(text: str) -> str:
    first = _FIRST.match(identity_key(text))
    return first[1].replace(" ", "") if first else ""


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", search_key(text))
