"""Storage of static files in production."""

from collections.abc import Callable
from pathlib import Path
from re import Match
from typing import Any

from django.conf import settings
from whitenoise.storage import CompressedManifestStaticFilesStorage

# Libraries come whole: what looks like an import in them is a comment or a bundler's leftover.
_VENDORED = "vendor/"


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Names every file by its hash; our ES modules import each other by those names.

    With plain names a browser could combine cached old modules with new ones.
    """

    support_js_module_import_aggregation = True

    def url_converter(
        self, name: str, hashed_files: dict[str, str], template: str | None = None
    ) -> Callable[[Match[str]], str]:
        if name.endswith(".js") and not _is_ours(name):
            return _unchanged
        convert: Callable[[Match[str]], str] = super().url_converter(name, hashed_files, template)
        return convert


def _unchanged(found: Match[str]) -> str:
    return found[0]


def _is_ours(name: str) -> bool:
    folders: list[Any] = settings.STATICFILES_DIRS
    return not name.startswith(_VENDORED) and any((Path(path) / name).is_file() for path in folders)
