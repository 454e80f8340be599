"""Parsing of FAQs from pasted text and CSV tables."""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.utils.translation import gettext as _

from crm.core.text.normalization import (
    identity_key,
    in_order,
    normalize,
    normalize_line,
    normalize_untrimmed,
)
from crm.organizations.models import Language
from knowledge.languages import detect_language
from knowledge.models import ANSWER_LENGTH, NAME_LENGTH, QUESTION_LENGTH, Faq

MAX_ROWS = 500
MAX_BYTES = 500_000
# What tables call their columns, in the languages of the product.
_COLUMNS = {
    "question": {"question", "câu hỏi", "cau hoi", "вопрос", "q"},
    "answer": {"answer", "câu trả lời", "cau tra loi", "trả lời", "ответ", "a"},
    "category": {"category", "danh mục", "danh muc", "chủ đề", "категория", "раздел"},
    "language": {"language", "ngôn ngữ", "ngon ngu", "язык", "lang"},
}
_QUESTION_MARK = re.compile(r"(?:q|question|hỏi|вопрос|в)\s*([:.)])\s*", re.IGNORECASE)
_ANSWER_MARK = re.compile(r"(?:a|answer|đáp|ответ|о)\s*([:.)])\s*", re.IGNORECASE)
_DELIMITERS = "\t;,"
# Of a table without a header.
_UNNAMED = ["question", "answer", "category", "language"]


class UnreadableFile(ValueError):
    """A file that is not text; the message is user-readable."""


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One question of an imported text; ``line`` is its first line, ``source`` its original text.

    A row with an ``error`` cannot be imported; ``is_known`` marks a question that already exists,
    ``is_answered_otherwise`` one whose answer there is another.
    """

    line: int
    question: str
    answer: str
    language: str
    category: str
    source: str
    error: str = ""
    is_known: bool = False
    is_answered_otherwise: bool = False

    @property
    def is_importable(self) -> bool:
        return not self.error and not self.is_known


@dataclass(frozen=True, slots=True)
class ImportText:
    """The rows of a text; ``header`` names a table's columns, and is empty for blocks of lines.

    What exceeds ``MAX_ROWS`` is in ``later``. ``ignored`` names the columns that are not imported.
    """

    rows: list[ImportRow]
    header: str = ""
    later: tuple[ImportRow, ...] = ()
    ignored: tuple[str, ...] = ()

    def with_known(self, organization_id: UUID) -> "ImportText":
        """Mark the rows whose question exists already or occurs further up."""
        return replace(self, rows=mark_known(self.rows, organization_id))

    def importable(self) -> list[ImportRow]:
        return [row for row in self.rows if row.is_importable]

    def rest(self) -> str:
        """Return the source of the rows with an error or with another answer than the stored one,
        and the remaining text; it is read as the same rows again.
        """
        wrong = [row.source for row in self.rows if row.error or row.is_answered_otherwise]
        wrong += [row.source for row in self.later]
        if not wrong:
            return ""
        if self.header:
            return "\n".join([self.header, *wrong])
        question, end, rest = "\n\n".join(wrong).partition("\n")
        text = question.replace("\t", " ") + end + rest
        # What stood further down may look like the head of a table.
        return f"Q: {text}" if _table(text) else text


def mark_known(rows: Sequence[ImportRow], organization_id: UUID) -> list[ImportRow]:
    """Return the rows, marked where the question exists already or occurs further up.

    Case and width are ignored, accents are not (`crm.core.text.normalization.identity_key`).
    """
    questions = {row.question for row in rows if not row.error}
    alike = Faq.objects.of(organization_id).alive().asked_like(questions)
    known: dict[tuple[str, str], set[str]] = defaultdict(set)
    for language, question, answer in alike.values_list("language_code", "question", "answer"):
        known[(language, identity_key(question))].add(answer)
    marked = []
    for row in rows:
        if row.error:
            marked.append(row)
            continue
        answers = known[(row.language, identity_key(row.question))]
        is_otherwise = bool(answers) and row.answer not in answers
        marked.append(replace(row, is_known=bool(answers), is_answered_otherwise=is_otherwise))
        if not answers:
            answers.add(row.answer)
    return marked


def decode_file(content: bytes) -> str:
    """Return the text of an uploaded file. Raise UnreadableFile."""
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise UnreadableFile(_("This is a workbook. Save it as “CSV UTF-8” and choose that file."))
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise UnreadableFile(
            _("The file is not in UTF-8, so its letters would be lost. Save it as “CSV UTF-8”.")
        ) from None
    if "\x00" in text:
        raise UnreadableFile(_("This is not a text file. Save it as “CSV UTF-8”."))
    # Shown as it stood, also where it is not imported.
    return in_order(text)


def read_text(text: str, *, fallback_language: str) -> ImportText:
    """Parse a table with a header, a table of two columns, or questions separated by
    empty lines.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")
    table = _table(text)
    if table is not None:
        return table(fallback_language)
    text = normalize_untrimmed(text)
    rows = [
        _block_row(line, block, fallback_language)
        if number < MAX_ROWS
        else _for_later(line, "\n".join(block))
        for number, (line, block) in enumerate(_blocks(text))
    ]
    return _cut(rows, "")


def _table(text: str) -> "_Table | None":
    first = next((line for line in text.split("\n") if line.strip()), "")
    mark = _QUESTION_MARK.match(first)
    is_marked = mark is not None and mark[1] == ":"
    for delimiter in "" if is_marked else _DELIMITERS:
        columns = _header(_cells(first, delimiter))
        if columns:
            return _Table(text, delimiter, columns, has_header=True)
    has_blocks = re.search(r"\n[ \t]*\n", text.strip())
    if not has_blocks and "\t" in first:
        return _Table(text, "\t", _UNNAMED, has_header=False)
    lines = [line for line in text.split("\n") if line.strip()]
    is_quoted = bool(lines) and all('","' in line or '";"' in line for line in lines)
    if is_quoted and not (has_blocks or is_marked):
        return _Table(text, ";" if '";"' in first else ",", _UNNAMED, has_header=False)
    return None


def _cells(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line; empty where it cannot be a table's header."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _header(cells: list[str]) -> list[str]:
    """Return the meaning of each column, where the header names a question and an answer.

    It is empty for an unknown column, and for a second one of the same meaning.
    """
    found: list[str] = []
    for cell in cells:
        name = identity_key(cell)
        meaning = next((key for key, names in _COLUMNS.items() if name in names), "")
        found.append("" if meaning in found else meaning)
    return found if {"question", "answer"} <= set(found) else []


@dataclass(frozen=True, slots=True)
class _Table:
    text: str
    delimiter: str
    columns: list[str]
    has_header: bool

    def __call__(self, fallback_language: str) -> ImportText:
        lines = self.text.split("\n")
        reader = csv.reader(io.StringIO(self.text), delimiter=self.delimiter)
        rows = []
        header = "" if self.has_header else self.delimiter.join(self.columns)
        start = 0
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                break
            except csv.Error:
                rest = "\n".join(lines[start:])
                error = _("The table cannot be read from here on: a quotation mark is not closed.")
                rows.append(ImportRow(start + 1, "", "", "", "", rest, error))
                break
            source, line = "\n".join(lines[start : reader.line_num]), start + 1
            start = reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = source
                continue
            if len(rows) < MAX_ROWS:
                rows.append(self._row(line, cells, source, fallback_language))
            else:
                rows.append(_for_later(line, source))
        return replace(_cut(rows, header), ignored=self._ignored(header))

    def _ignored(self, header: str) -> tuple[str, ...]:
        names = _cells(header.partition("\n")[0], self.delimiter)
        told = (name for name, meaning in zip(names, self.columns, strict=False) if not meaning)
        return tuple(normalize_line(name) for name in told if name.strip())

    def _row(self, line: int, cells: list[str], source: str, fallback: str) -> ImportRow:
        given = {
            name: cell.strip() for name, cell in zip(self.columns, cells, strict=False) if name
        }
        error = ""
        if len(cells) > len(self.columns) and any(cells[len(self.columns) :]):
            error = _("There are more cells than columns. Put a text with the sign in quotes.")
        return _checked(
            line,
            given.get("question", ""),
            given.get("answer", ""),
            source,
            fallback,
            category=given.get("category", ""),
            language=given.get("language", ""),
            error=error,
        )


def _blocks(text: str) -> Iterable[tuple[int, list[str]]]:
    block: list[str] = []
    start = 1
    for number, line in enumerate([*text.split("\n"), ""], start=1):
        if line.strip():
            if not block:
                start = number
            block.append(line)
        elif block:
            yield start, block
            block = []


def _block_row(line: int, block: list[str], fallback: str) -> ImportRow:
    question, answer = _without_marks(block[0].strip(), "\n".join(block[1:]).strip())
    return _checked(line, question, answer, "\n".join(block), fallback)


def _without_marks(question: str, answer: str) -> tuple[str, str]:
    """Return both without what marks them, as in "Q: …" and "A: …".

    A colon marks each on its own. "Q." and "Q)" count only with "A." and "A)": else they are words,
    as in "О. Генри" and "Answer.".
    """
    asked, told = _QUESTION_MARK.match(question), _ANSWER_MARK.match(answer)
    is_pair = asked is not None and told is not None and asked[1] == told[1]
    if asked and (is_pair or asked[1] == ":"):
        question = question[asked.end() :]
    if told and (is_pair or told[1] == ":"):
        answer = answer[told.end() :]
    return question, answer


def _checked(
    line: int,
    question: str,
    answer: str,
    source: str,
    fallback: str,
    *,
    category: str = "",
    language: str = "",
    error: str = "",
) -> ImportRow:
    question, answer = normalize_line(question), normalize(answer)
    category = normalize_line(category)
    code = language.lower().replace("_", "-").partition("-")[0]
    if not error:
        error = _error_of(question, answer, category, language, code)
    if not code:
        code = detect_language(f"{question} {answer}", fallback=fallback)
    return ImportRow(line, question, answer, code, category, source, error)


def _error_of(question: str, answer: str, category: str, language: str, code: str) -> str:
    if not question:
        return _("The question is missing.")
    if not answer:
        return _("The answer is missing. Write it below the question, or in the next column.")
    if len(question) > QUESTION_LENGTH:
        return _("The question is longer than %(count)d characters.") % {"count": QUESTION_LENGTH}
    if len(answer) > ANSWER_LENGTH:
        return _("The answer is longer than %(count)d characters.") % {"count": ANSWER_LENGTH}
    if len(category) > NAME_LENGTH:
        return _("The category is longer than %(count)d characters.") % {"count": NAME_LENGTH}
    if code and code not in Language.values:
        return _("“%(language)s” is not a language here. There are: %(languages)s.") % {
            "language": language,
            "languages": ", ".join(Language.values),
        }
    if "\x00" in question + answer + category:
        return _("The text holds characters that cannot be shown.")
    return ""


def _for_later(line: int, source: str) -> ImportRow:
    """Return the text that is parsed in the next batch: parsing a row is slow."""
    return ImportRow(line, "", "", "", "", source)


def _cut(rows: list[ImportRow], header: str) -> ImportText:
    return ImportText(rows[:MAX_ROWS], header, tuple(rows[MAX_ROWS:]))
