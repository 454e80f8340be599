"""Payload indexes of filterable fields."""

from collections.abc import Callable
from typing import Any

import qdrant_edge as edge

from config.engines.qdrant.fields import Fields, built, flag, one_of, text, whole
from config.engines.qdrant.refusals import not_supported

_COMMON: dict[str, Callable[[Any, str], Any]] = {"on_disk": flag, "enable_hnsw": flag}
_OPTIONS: dict[str, dict[str, Callable[[Any, str], Any]]] = {
    "keyword": {"is_tenant": flag, **_COMMON},
    "integer": {"lookup": flag, "range": flag, "is_principal": flag, **_COMMON},
    "float": {"is_principal": flag, **_COMMON},
    "bool": _COMMON,
    "datetime": {"is_principal": flag, **_COMMON},
    "uuid": {"is_tenant": flag, **_COMMON},
    "text": {
        "tokenizer": one_of("prefix", "whitespace", "word", "multilingual"),
        "min_token_len": whole,
        "max_token_len": whole,
        "lowercase": flag,
        "ascii_folding": flag,
        "phrase_matching": flag,
        **_COMMON,
    },
}
_PARAMS = {
    "keyword": edge.KeywordIndexParams,
    "integer": edge.IntegerIndexParams,
    "float": edge.FloatIndexParams,
    "bool": edge.BoolIndexParams,
    "datetime": edge.DatetimeIndexParams,
    "uuid": edge.UuidIndexParams,
    "text": edge.TextIndexParams,
}
_TOKENIZERS = {
    "prefix": edge.TokenizerType.Prefix,
    "whitespace": edge.TokenizerType.Whitespace,
    "word": edge.TokenizerType.Word,
    "multilingual": edge.TokenizerType.Multilingual,
}


def read_index(body: Any) -> Any:
    """Read the request that creates an index."""
    fields = Fields(body, "body")
    name = fields.need("field_name", text)
    schema = fields.need("field_schema", _schema)
    fields.done()
    return built(edge.UpdateOperation.create_field_index, name, schema, where="body.field_name")


def _schema(value: Any, where: str) -> Any:
    fields = Fields({"type": value} if isinstance(value, str) else value, where)
    kind = fields.need("type", text)
    if kind not in _OPTIONS:
        raise not_supported(f"a payload index of type `{kind}`")
    fields.refuse("memory", "nested", "prefix", "scoring", "stemmer", "stopwords")
    options: dict[str, Any] = {
        name: fields.take(name, read) for name, read in _OPTIONS[kind].items()
    }
    fields.done()
    if options.get("tokenizer") is not None:
        options["tokenizer"] = _TOKENIZERS[options["tokenizer"]]
    return _PARAMS[kind](**{name: value for name, value in options.items() if value is not None})


def shown_index(info: Any) -> dict[str, Any]:
    """Return an index as in the description of a collection."""
    kind = _name_of(info.data_type)
    shown: dict[str, Any] = {"data_type": kind, "points": info.points}
    if info.params is not None:
        params = {"type": kind}
        for name in _OPTIONS.get(kind, ()):
            value = getattr(info.params, name)
            if value is not None:
                params[name] = _name_of(value) if name == "tokenizer" else value
        shown["params"] = params
    return shown


def _name_of(member: Any) -> str:
    """Return the JSON name of an enum member of the core: `PayloadSchemaType.Keyword` →
    `keyword`.
    """
    return str(member).rpartition(".")[2].lower()
