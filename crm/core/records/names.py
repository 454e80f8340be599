"""Comparison of names in SQL: case-insensitive, accent-sensitive."""

from django.db.models import F, Func, Q, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Lower, Replace
from django.db.models.lookups import Exact

from crm.core.text.folding import SAME_SIGNS, TONES_BEFORE

_SIGNS = "".join(map(chr, SAME_SIGNS))
_SAME = "".join(SAME_SIGNS.values())


def same_name(column: str, text: str) -> Q:
    """Return a filter for equal names, as `identity_key` compares them: without case, the kind of
    apostrophe and dash, the place of a Vietnamese tone and the dots of ё.

    No index serves it: combine it with an indexed condition.
    """
    return Q(Exact(_spelt(F(column)), _spelt(Value(text))))


def _spelt(text: Combinable) -> Combinable:
    plain = _text(Func(text, Value(_SIGNS), Value(_SAME), function="TRANSLATE"))
    without_dots = Replace(Lower(plain), Value("ё"), Value("е"))
    apart = _text(Func(without_dots, template="NORMALIZE(%(expressions)s, NFD)"))
    return _text(
        Func(apart, Value(TONES_BEFORE), Value(r"\1\3\2"), Value("g"), function="REGEXP_REPLACE")
    )


def _text(function: Func) -> Func:
    function.output_field = TextField()
    return function
