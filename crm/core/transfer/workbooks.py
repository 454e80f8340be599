"""Rows of a workbook, as texts."""

import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _
from python_calamine import CalamineWorkbook, PasswordError

from crm.core.transfer.errors import ImportFileInvalid

_PACKED = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


def workbook_rows(content: bytes, most_unpacked: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of the first sheet that hold something, with their numbers in the spreadsheet.

    A small workbook may take any memory and any time: only a process with limits calls this. Raise
    ImportFileInvalid, and whatever else, of a damaged one.
    """
    try:
        _check_archive(content, most_unpacked)
        yield from _rows(content)
    except PasswordError:
        raise ImportFileInvalid(_("The workbook has a password. Save it without one.")) from None


def _check_archive(content: bytes, most_unpacked: int) -> None:
    """Refuse an archive by what its directory says. What lies in it about its size meets the limits
    of the process.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
    names = {entry.filename for entry in entries}
    # No spreadsheet packs in another way, and others unpack to any size at once.
    is_packed_otherwise = {entry.compress_type for entry in entries} - _PACKED
    if "xl/workbook.xml" not in names or "mimetype" in names or is_packed_otherwise:
        raise ImportFileInvalid
    if sum(entry.file_size for entry in entries) > most_unpacked:
        raise workbook_too_large()


def workbook_too_large() -> ImportFileInvalid:
    return ImportFileInvalid(
        _("The workbook is too large. Save its first sheet as CSV, or import it in parts.")
    )


def workbook_damaged() -> ImportFileInvalid:
    return ImportFileInvalid(
        _("The workbook is damaged. Open it in a spreadsheet, and save it anew.")
    )


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
        return value.replace("\x00", "").strip()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, float):
        # As many digits as a spreadsheet has: 0.1 + 0.2 is 0.3.
        return format(value, ".15g")
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, date):
        return f"{value:%Y-%m-%d}"
    return str(value)
