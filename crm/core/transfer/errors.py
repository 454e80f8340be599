"""Errors of exports and imports."""

from django.utils.translation import gettext_noop

from crm.core.errors import Conflict, Invalid, NotFound


class ExportTooLong(Invalid):
    code = "export_too_long"
    message = gettext_noop(
        "A sheet of Excel holds 1,048,576 rows, and there are more. Export them as CSV."
    )


class ImportNotFound(NotFound):
    code = "import_not_found"
    message = gettext_noop("There is no such import, or you may not see it.")


class ImportFileInvalid(Invalid):
    """The message says what is wrong with the file."""

    code = "import_file_invalid"
    message = gettext_noop("The file cannot be read. Save it as XLSX or CSV, and choose that file.")


class ImportPartTooSmall(Invalid):
    code = "import_part_too_small"
    message = gettext_noop(
        "This part of the file is too small. Send at least 64 KiB at once, except for the last "
        "part."
    )


class ImportMappingInvalid(Invalid):
    code = "import_mapping_invalid"
    message = gettext_noop("Choose a field for at least one column, and each field once.")


class TooManyImports(Conflict):
    code = "too_many_imports"
    message = gettext_noop("Many of your imports are not finished. Finish or discard some of them.")


class ImportsFull(Conflict):
    code = "imports_full"
    message = gettext_noop(
        "The imports of your organization hold too much. Discard or undo some of them, or wait: "
        "30 days after its end an import gives back its room."
    )


class TooManyChecks(Conflict):
    code = "too_many_checks"
    message = gettext_noop(
        "Your organization has had many files read and checked in the last hour. Go on later."
    )


class ImportNotReady(Conflict):
    code = "import_not_ready"
    message = gettext_noop("The import has gone on meanwhile. Look at its page as it is now.")
