"""Reads a table in a process of its own, so that no file costs more than that process.

Run as a program, by `crm.core.transfer.reading`: the file comes from the standard input, the
argument is JSON with the members of `Order`. Written are lines of JSON: what is known of the table,
then a list for each row, its number and its cells; or an object with the ``refusal``, in the
language of the order. The process ends by a signal, or with TOO_LARGE, where it would take more
than its memory or its time.
"""

import json
import resource
import sys
from contextlib import suppress
from typing import Any, TypedDict

TOO_LARGE = 11


class Order(TypedDict):
    """``root`` is the directory of the project, ``memory`` is in bytes, ``seconds`` are the
    processor's.
    """

    root: str
    locales: list[str]
    language: str
    encoding: str
    delimiter: str
    memory: int
    seconds: int


def main(order: Order) -> int:
    for what, most in (
        (resource.RLIMIT_AS, order["memory"]),
        (resource.RLIMIT_CPU, order["seconds"]),
        (resource.RLIMIT_CORE, 0),
    ):
        # Refused where the limit is a stricter one already.
        with suppress(ValueError):
            resource.setrlimit(what, (most, most))
    try:
        _read(order)
    except MemoryError:
        return TOO_LARGE
    return 0


def _read(order: Order) -> None:
    import django
    from django.conf import settings
    from django.utils import translation

    # Of Django only the translations of the refusals: neither settings nor stores.
    settings.configure(LOCALE_PATHS=order["locales"])
    django.setup()

    from crm.core.transfer.errors import ImportFileInvalid
    from crm.core.transfer.tables import parse_table

    with translation.override(order["language"]):
        try:
            table = parse_table(
                sys.stdin.buffer.read(), encoding=order["encoding"], delimiter=order["delimiter"]
            )
            _tell([table.encoding, table.delimiter, table.columns])
            for row in table.rows:
                _tell(row)
        except ImportFileInvalid as refusal:
            _tell({"refusal": refusal.message})
    sys.stdout.buffer.flush()


def _tell(what: Any) -> None:
    sys.stdout.buffer.write(json.dumps(what, ensure_ascii=False).encode() + b"\n")


if __name__ == "__main__":
    given: Order = json.loads(sys.argv[1])
    sys.path.insert(0, given["root"])
    sys.exit(main(given))
