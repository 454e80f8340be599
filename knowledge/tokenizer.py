"""Tokenizer of the keyword search.

Built for short, hastily typed questions: Vietnamese is found with and without diacritics, Russian
and English in any inflection, and a misspelt word by its correct trigrams.
"""

import re
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Container
from functools import lru_cache

import snowballstemmer

from crm.core.text.folding import compound_terms, joined_words, search_key
from crm.core.text.normal_forms import normalize_form

_WORD = re.compile(r"[^\W_]+")
_CYRILLIC = re.compile(r"[Ѐ-ӿ]")
_GRAM = 3
_MIN_WORD_FOR_GRAMS = 4
# What English abbreviates behind an apostrophe is no part of a word: "what's".
_SHORTENED = re.compile(r"'(?:s|t|re|ll|ve|d|m)(?![^\W_])")
# A part of a word says less than the word. Applied to questions only, so that it can be changed
# without indexing again.
GRAM_WEIGHT = 0.3
# BM25's usual saturation; the length is about that of a two-line question with a five-line answer.
_SATURATION, _LENGTH_SHARE, _USUAL_LENGTH = 1.2, 0.75, 330

_stemming = threading.Lock()
_stemmers = {name: snowballstemmer.stemmer(name) for name in ("english", "russian")}


def normalized(text: str) -> str:
    """Return the text in lower case without diacritics: "Giao hàng" and "giao hang" become one."""
    return search_key(text)


def words(text: str) -> list[str]:
    """Return the words in lower case, in order."""
    return _WORD.findall(normalize_form("NFC", text).casefold())


def content_words(text: str) -> list[str]:
    """Return the words except stopwords, in order."""
    return [word for word in words(text) if normalized(word) not in STOPWORDS]


def compounds(text: str) -> list[str]:
    """Return the words that parts make without the sign between them: "wifi" of "Wi-Fi"."""
    joined = joined_words(_SHORTENED.sub(" ", normalized(text)))
    return [word for word in joined if word not in STOPWORDS]


def spellings(text: str) -> Callable[[str], tuple[str, ...]]:
    """Return a function of a word of the text: the word, and the compounds it is a part of."""
    known = compound_terms(_SHORTENED.sub(" ", normalized(text)))
    return lambda word: (word, *known.get(normalized(word), ())[1:])


@lru_cache(maxsize=50_000)
def forms(word: str) -> tuple[str, ...]:
    """Return the index terms of a word: itself, its stem, or it without diacritics."""
    plain = normalized(word)
    if _CYRILLIC.search(word):
        return (_stem("russian", plain),)
    if plain != word:
        return (plain, word)
    stem = _stem("english", word)
    return (word,) if stem == word else (word, stem)


@lru_cache(maxsize=50_000)
def grams(word: str) -> tuple[str, ...]:
    """Return a word's trigrams, with its ends marked; none for a short word."""
    plain = normalized(word)
    if len(plain) < _MIN_WORD_FOR_GRAMS:
        return ()
    ended = f"^{plain}$"
    return tuple(f"#{ended[i : i + _GRAM]}" for i in range(len(ended) - _GRAM + 1))


def terms(text: str) -> Counter[str]:
    """Return the counts of the text's index terms."""
    counted: Counter[str] = Counter()
    for word in [*content_words(text), *compounds(text)]:
        counted.update(forms(word))
        counted.update(grams(word))
    return counted


def presence(word: str, found: Container[str]) -> float:
    """Return how far a text's terms contain a word, 0 to 1.

    An absent word counts by its share of trigrams found, above the share expected by chance.
    """
    if any(form in found for form in forms(word)):
        return 1.0
    parts = grams(word)
    if not parts:
        return 0.0
    by_chance = 1 / 3
    share = sum(part in found for part in parts) / len(parts)
    return max(0.0, (share - by_chance) / (1 - by_chance))


def similarity(word: str, other: str) -> float:
    """Return how alike two words are, 0 to 1: the share of their trigrams in common."""
    mine, theirs = set(grams(word)), set(grams(other))
    return 2 * len(mine & theirs) / (len(mine) + len(theirs)) if mine and theirs else 0.0


def document_vector(text: str) -> tuple[list[int], list[float]]:
    """Return BM25 weights of a text without inverse document frequency, which the index adds."""
    counted = terms(text)
    length = _SATURATION * (1 - _LENGTH_SHARE + _LENGTH_SHARE * counted.total() / _USUAL_LENGTH)
    return _vector(
        {term: count * (_SATURATION + 1) / (count + length) for term, count in counted.items()}
    )


def question_vector(text: str) -> tuple[list[int], list[float]]:
    return _vector({term: GRAM_WEIGHT if term[0] == "#" else 1.0 for term in terms(text)})


def _vector(weights: dict[str, float]) -> tuple[list[int], list[float]]:
    by_id: dict[int, float] = {}
    for term, weight in weights.items():
        number = zlib.crc32(term.encode())
        by_id[number] = by_id.get(number, 0.0) + weight
    return list(by_id), list(by_id.values())


def _stem(language: str, word: str) -> str:
    # A stemmer keeps its work in itself: two threads would stem each other's words.
    with _stemming:
        return str(_stemmers[language].stemWord(word))


# Written without marks: a Vietnamese word typed without them is as common.
STOPWORDS = frozenset(
    _WORD.findall(
        """
        a an the is are was were be been do does did you your yours i my me mine we us our it its he
        she they to of in on at for and or with can could would should how what when where which who
        why will have has had this that there if not no please get from by about much many im ive la
        va cua co khong cho thi ma o duoc voi nay do nhung cac mot bao nhieu the nao lam sao gi minh
        ban shop a nhe vay di den khi hay bi toi em anh chi oi и в во не на я вы мы у с к по за из
        от до о а но или ли же бы как что это где когда сколько какая какие какой мне мои мой моя
        вас ваш есть можно нужно для то так если
        """
    )
)
