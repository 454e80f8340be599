"""Reading of uploaded tables: whatever a file holds, it takes bounded memory and bounded time.

A file of some kilobytes may unpack to gigabytes, or be of a kind that some step takes minutes for.
So a table is parsed in a process with limits (`crm.core.transfer.table_reader`), and this one gets
row after row, each of bounded length.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Any, cast

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from crm.core.transfer import table_reader
from crm.core.transfer.errors import ImportFileInvalid
from crm.core.transfer.tables import MAX_CELL, MAX_COLUMNS, Table, is_workbook
from crm.core.transfer.workbooks import workbook_damaged, workbook_too_large

MEMORY = 512 * 1024 * 1024
# Of the processor: less than the lease of the job that waits for a row.
SECONDS = 40
# Of a row: letters take up to four bytes, control characters six.
_LONGEST_LINE = MAX_COLUMNS * MAX_CELL * 6 + 1_000


def read_table(content: bytes, *, encoding: str = "", delimiter: str = "") -> Table:
    """Return the table of a file; what is not given is guessed. Raise ImportFileInvalid.

    Errors inside the table are raised while its rows are read. Its process ends when the rows are
    read to their end, closed or forgotten.
    """
    items = _read(content, encoding, delimiter)
    encoding, delimiter, columns = next(items)
    return Table(encoding, delimiter, columns, items)


def _read(content: bytes, encoding: str, delimiter: str) -> Iterator[Any]:
    """Yield what the process sends: the encoding, delimiter and columns, then each row."""
    order: table_reader.Order = {
        "root": str(settings.BASE_DIR),
        "locales": [str(each) for each in settings.LOCALE_PATHS],
        "language": translation.get_language() or settings.LANGUAGE_CODE,
        "encoding": encoding,
        "delimiter": delimiter,
        "memory": MEMORY,
        "seconds": SECONDS,
    }
    reader = subprocess.Popen(  # noqa: S603 - our own program, no shell
        [sys.executable, "-I", table_reader.__file__, json.dumps(order)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # Keys pressed at the terminal of a worker are not for it.
        start_new_session=True,
    )
    given, read = cast("IO[bytes]", reader.stdin), cast("IO[bytes]", reader.stdout)
    try:
        with suppress(BrokenPipeError), given:
            given.write(content)
        while line := read.readline(_LONGEST_LINE):
            if not line.endswith(b"\n"):
                # The process was ended within a line, or has gone mad.
                reader.kill()
                break
            found = json.loads(line)
            if isinstance(found, dict):
                raise ImportFileInvalid(found["refusal"])
            yield tuple(found)
        code = reader.wait()
    finally:
        reader.kill()
        read.close()
        reader.wait()
    if code == table_reader.TOO_LARGE or code < 0:
        raise workbook_too_large() if is_workbook(content) else _too_large()
    if code and is_workbook(content):
        raise workbook_damaged()
    if code:
        raise RuntimeError(f"The process that reads tables ended with code {code}.")


def _too_large() -> ImportFileInvalid:
    return ImportFileInvalid(_("The file is too large. Import it in several parts."))
