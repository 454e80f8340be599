"""FAQs out of pasted text: questions with their answers below them, parted by empty lines."""

import csv
import io
import re
from collections.abc import Iterator, Sequence

from crm.core.records import get_record
from crm.core.text.normalization import normalize_untrimmed
from crm.core.transfer.mapping import guess_mapping

_QUESTION_MARK = re.compile(r"(?:q|question|hỏi|вопрос|в)\s*([:.)])\s*", re.IGNORECASE)
_ANSWER_MARK = re.compile(r"(?:a|answer|đáp|ответ|о)\s*([:.)])\s*", re.IGNORECASE)
_EMPTY_LINE = re.compile(r"\n[ \t]*\n")
_DELIMITERS = "\t;,"
# Of a table without a row of names.
_UNNAMED = ("question", "answer", "category_id", "language_code")


def table_of(text: str) -> str:
    """Return a pasted text as a table: one that names its columns as it is, one of rows alone with
    names above it, and any other text as the questions that stand in it.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")
    lines = [line for line in text.split("\n") if line.strip()]
    if not lines or _names_columns(lines[0]):
        return text
    mark = _QUESTION_MARK.match(lines[0])
    is_marked = mark is not None and mark[1] == ":"
    if not is_marked and not _EMPTY_LINE.search(text.strip()):
        for delimiter, between in (("\t", "\t"), (",", '","'), (";", '";"')):
            if all(between in line for line in lines):
                return f"{_row(_headings(lines[0], delimiter), delimiter)}{text}"
    blocks = (_without_marks(*block) for block in _blocks(normalize_untrimmed(text)))
    return "".join(_row(cells, "\t") for cells in (_named(_UNNAMED[:2]), *blocks))


def _names_columns(line: str) -> bool:
    record = get_record("faqs")
    for delimiter in _DELIMITERS:
        mapping = guess_mapping(record, _cells(line, delimiter), is_exact=True)
        if {"question", "answer"} <= set(mapping):
            return True
    return False


def _cells(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line; empty where it can be no row of a table."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _headings(line: str, delimiter: str) -> list[str]:
    return _named(_UNNAMED[: max(2, len(_cells(line, delimiter)))])


def _named(names: Sequence[str]) -> list[str]:
    record = get_record("faqs")
    return [field.heading for name in names if (field := record.field(name))]


def _row(cells: Sequence[str], delimiter: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield the first line and the others of each block of lines."""
    block: list[str] = []
    for line in [*text.split("\n"), ""]:
        if line.strip():
            block.append(line)
        elif block:
            yield block[0].strip(), "\n".join(block[1:]).strip()
            block = []


def _without_marks(question: str, answer: str) -> tuple[str, str]:
    """Return both without what marks them, as in "Q: …" and "A: …".

    A colon marks each on its own. "Q." and "Q)" count only with "A." and "A)": else they are words,
    as in "О. Генри" and "Answer.".
    """
    asked, answered = _QUESTION_MARK.match(question), _ANSWER_MARK.match(answer)
    is_pair = asked is not None and answered is not None and asked[1] == answered[1]
    if asked and (is_pair or asked[1] == ":"):
        question = question[asked.end() :]
    if answered and (is_pair or answered[1] == ":"):
        answer = answer[answered.end() :]
    return question, answer
