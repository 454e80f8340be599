"""Reads a workbook in a process of its own, so that no file costs more than that process.

Run as a program: the workbook comes from the standard input, the most bytes that it may unpack to
are the argument. Written is a line of JSON for each row that holds something, its number in the
spreadsheet and its cells as texts. It ends with one of the codes below, with another one for a
damaged workbook, or by a signal where it would take more than MEMORY or SECONDS.
"""

import io
import json
import resource
import sys
import unicodedata
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime
from typing import Any

from python_calamine import CalamineWorkbook, PasswordError

MEMORY = 512 * 1024 * 1024
# Of the processor.
SECONDS = 60
NO_WORKBOOK = 10
TOO_LARGE = 11
HAS_PASSWORD = 12


def main(most_unpacked: int) -> int:
    _limit()
    try:
        content = sys.stdin.buffer.read()
        if code := _refusal(content, most_unpacked):
            return code
        for row in _rows(content):
            sys.stdout.buffer.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        sys.stdout.buffer.flush()
    except PasswordError:
        return HAS_PASSWORD
    except MemoryError:
        return TOO_LARGE
    return 0


def _limit() -> None:
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        # Refused where the limit is a stricter one already.
        with suppress(ValueError):
            resource.setrlimit(what, (most, most))


def _refusal(content: bytes, most_unpacked: int) -> int:
    """Return why the archive is not read, by what its directory says; 0 if it is.

    What lies in it about its size meets the limits of the process.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
    names = {entry.filename for entry in entries}
    if "xl/workbook.xml" not in names or "mimetype" in names:
        return NO_WORKBOOK
    # No spreadsheet packs in another way, and others unpack to any size at once.
    if {entry.compress_type for entry in entries} - {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return NO_WORKBOOK
    return TOO_LARGE if sum(entry.file_size for entry in entries) > most_unpacked else 0


def _rows(content: bytes) -> Iterator[tuple[int, list[str]]]:
    with CalamineWorkbook.from_filelike(io.BytesIO(content)) as workbook:
        if not workbook.sheet_names:
            return
        sheet = workbook.get_sheet_by_index(0)
        for number, row in enumerate(sheet.iter_rows(), 1):
            cells = [_text(value) for value in row]
            while cells and not cells[-1]:
                cells.pop()
            if cells:
                yield number, cells


def _text(value: Any) -> str:
    if isinstance(value, str):
        # "_x0000_" in a workbook; no database stores it, and no spreadsheet shows it.
        return unicodedata.normalize("NFC", value.replace("\x00", "")).strip()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, date):
        return f"{value:%Y-%m-%d}"
    return str(value)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
