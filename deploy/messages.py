"""Keep the translations: extract what is to be translated, compile what was.

`python deploy/messages.py` brings the .po files up to the sources and compiles them to .mo;
`--check` changes nothing, says what is missing, and fails if anything is. It needs Babel alone, no
gettext tools.
"""

import argparse
import io
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")

from babel.messages.catalog import Catalog, Message  # noqa: E402  the path comes first
from babel.messages.extract import extract  # noqa: E402  the path comes first
from babel.messages.mofile import write_mo  # noqa: E402  the path comes first
from babel.messages.pofile import read_po, write_po  # noqa: E402  the path comes first
from django.conf import settings  # noqa: E402  the path comes first
from django.utils.translation.template import templatize  # noqa: E402  the path comes first

LANGUAGES = ("vi", "ru")
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
_PLACEHOLDER = re.compile(r"%(?:\([a-z_]+\))?[sd]|\{[a-z_]+\}")


@dataclass(frozen=True, slots=True)
class Part:
    """The texts of an app in one domain, and where they are found."""

    locale: str
    domain: str
    sources: tuple[str, ...]

    def path(self, language: str, kind: str) -> Path:
        return ROOT / self.locale / language / "LC_MESSAGES" / f"{self.domain}.{kind}"

    def files(self) -> list[Path]:
        found = {path for pattern in self.sources for path in ROOT.glob(pattern)}
        return sorted(path for path in found if "/migrations/" not in path.as_posix())


PARTS = (
    Part(
        "crm/core/locale",
        "django",
        (
            "crm/**/*.py",
            "config/**/*.py",
            "templates/*.html",
            "templates/core/**/*.html",
            "templates/organizations/**/*.html",
            "templates/authentication/**/*.html",
            "templates/records/**/*.html",
            "templates/customers/**/*.html",
            "templates/deals/**/*.html",
            "templates/jobs/**/*.html",
            "templates/notifications/**/*.html",
            "templates/transfer/**/*.html",
            "templates/search/**/*.html",
            "templates/compliance/**/*.html",
            "templates/billing/**/*.html",
            "templates/account/**/*.*",
            "templates/mfa/**/*.*",
            "templates/socialaccount/**/*.*",
            "templates/allauth/**/*.*",
            "templates/mail/**/*.*",
            "templates/console/**/*.html",
            "templates/admin/index.html",
        ),
    ),
    Part(
        "crm/core/locale",
        "djangojs",
        ("static/app/**/*.js", "static/records/**/*.js", "static/transfer/**/*.js"),
    ),
    Part("knowledge/locale", "django", ("knowledge/**/*.py", "templates/knowledge/**/*.html")),
    Part("chat/locale", "django", ("chat/**/*.py", "templates/chat/**/*.html")),
    Part(
        "chat/locale",
        "djangojs",
        ("static/chat/*.js", "static/chat/inbox/**/*.js", "static/chat/settings/**/*.js"),
    ),
)


# Templates that replace Django's, with Django's texts.
DJANGOS_OWN = {"templates/admin/actions.html"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail on differences")
    is_check = parser.parse_args().check
    settings.configure(USE_I18N=True)
    complaints = [f"{path}: it has texts, and is in no part." for path in forgotten()]
    for part in PARTS:
        template = extracted(part)
        for language in LANGUAGES:
            catalog = existing(part, language)
            if is_check:
                complaints += differences(part, language, template, catalog)
            elif len(template):
                bring_up(part, language, template, catalog)
            complaints += faults(part, language, catalog)
    for complaint in complaints:
        print(complaint)  # noqa: T201  the command's answer
    return 1 if complaints else 0


def forgotten() -> list[Path]:
    """Return our templates and scripts with texts that no part looks at."""
    known = {path for part in PARTS for path in part.files()}
    ours = {*ROOT.glob("templates/**/*.html"), *ROOT.glob("static/*/**/*.js")} - known
    return sorted(
        path.relative_to(ROOT)
        for path in ours
        if path.relative_to(ROOT).as_posix() not in DJANGOS_OWN
        and not path.is_relative_to(ROOT / "static" / "vendor")
        and any(texts_of(path))
    )


def extracted(part: Part) -> Catalog:
    template = Catalog()
    for path in part.files():
        for text, context in texts_of(path):
            template.add(text, context=context)
    return template


def texts_of(path: Path) -> Iterator[tuple[str | tuple[str, ...], str | None]]:
    """Give each text (singular or singular and plural) with its context."""
    source = path.read_text(encoding="utf-8")
    method = "python"
    if path.suffix == ".js":
        method = "javascript"
    elif path.suffix == ".html":
        # Django words a template as Python-like calls; indentation would mean something there.
        source = "\n".join(line.lstrip() for line in templatize(source).splitlines())
    stream = io.BytesIO(source.encode())
    for _line, text, _comments, context in extract(method, stream, keywords=KEYWORDS):
        yield text, context


def existing(part: Part, language: str) -> Catalog:
    path = part.path(language, "po")
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def bring_up(part: Part, language: str, template: Catalog, catalog: Catalog) -> None:
    """Add what is new, drop what is gone, and compile; translations are never guessed."""
    for gone in [message for message in catalog if message.id and found(template, message) is None]:
        catalog.delete(gone.id, gone.context)
    for wanted in template:
        if wanted.id and found(catalog, wanted) is None:
            catalog.add(wanted.id, context=wanted.context)
    path = part.path(language, "po")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        # Without dates and line numbers: the file changes when a text does, not otherwise.
        write_po(file, ordered(catalog, language), omit_header=False, no_location=True, width=0)
    part.path(language, "mo").write_bytes(compiled(catalog, language))


class PlainCatalog(Catalog):
    """A catalogue whose header says what programs need, and no dates: same texts, same file."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        return [
            ("Language", str(self.locale)),
            ("Plural-Forms", self.plural_forms),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
        ]


def ordered(catalog: Catalog, language: str) -> Catalog:
    """Give the same texts in a fixed order."""
    copy = PlainCatalog(locale=language, fuzzy=False, header_comment="")
    for message in sorted(
        (message for message in catalog if message.id),
        key=lambda message: (first(message.id), message.context or ""),
    ):
        copy.add(message.id, message.string, context=message.context, flags=message.flags)
    return copy


def compiled(catalog: Catalog, language: str) -> bytes:
    target = io.BytesIO()
    write_mo(target, ordered(catalog, language))
    return target.getvalue()


def found(catalog: Catalog, message: Message) -> Message | None:
    found_message = catalog.get(message.id, message.context)
    is_same_kind = found_message is not None and isinstance(found_message.id, str) == isinstance(
        message.id, str
    )
    return found_message if is_same_kind else None


def differences(part: Part, language: str, template: Catalog, catalog: Catalog) -> list[str]:
    """Say where a .po and its sources, or a .mo and its .po, differ."""
    name = part.path(language, "po").relative_to(ROOT)
    said = [
        f"{name}: not there yet: {first(message.id)!r}. Run `make messages` and translate it."
        for message in template
        if message.id and found(catalog, message) is None
    ]
    said += [
        f"{name}: no longer used: {first(message.id)!r}. Run `make messages`."
        for message in catalog
        if message.id and found(template, message) is None
    ]
    mo = part.path(language, "mo")
    is_stale = mo.exists() and mo.read_bytes() != compiled(catalog, language)
    if len(template) and (is_stale or not mo.exists()):
        said.append(f"{mo.relative_to(ROOT)}: does not match the .po. Run `make messages`.")
    return said


def faults(part: Part, language: str, catalog: Catalog) -> list[str]:
    """Say which texts are not translated, or lost a placeholder in translation."""
    name = part.path(language, "po").relative_to(ROOT)
    said = []
    for message in catalog:
        if not message.id:
            continue
        ids = (message.id,) if isinstance(message.id, str) else tuple(message.id)
        told = message.string or ""
        strings = (told,) if isinstance(told, str) else tuple(told)
        if message.fuzzy or not all(strings):
            said.append(f"{name}: not translated: {ids[0]!r}")
        elif any(placeholders(text) != placeholders(ids[-1]) for text in strings):
            said.append(f"{name}: other placeholders than in: {ids[0]!r}")
    return said


def placeholders(text: str) -> list[str]:
    return sorted(_PLACEHOLDER.findall(text))


def first(identity: str | Sequence[str]) -> str:
    return identity if isinstance(identity, str) else identity[0]


if __name__ == "__main__":
    sys.exit(main())
