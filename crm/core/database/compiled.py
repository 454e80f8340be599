"""SQL that Django makes once per process, for statements that run with each message or request.

Making the SQL of a SELECT over four tables costs about ten times what running it costs the process.
Both kinds keep what Django made (text, columns, converters) and take new values each time. They run
through the connection's own cursor, so scope, actor and counting of queries are as ever.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid4

from django.db import connection, models
from django.db.models.query import get_related_populators
from django.db.transaction import TransactionManagementError

M = TypeVar("M", bound=models.Model)
# A value of each type that stands for the one to come; no statement contains it by itself.
_STAND_INS: dict[type, Callable[[], Any]] = {
    UUID: uuid4,
    str: lambda: uuid4().hex,
    datetime: lambda: datetime.fromtimestamp(uuid4().int % 10**9, UTC),
}


class CompiledSelect(Generic[M]):
    """A SELECT of model instances, with ``select_related``, annotations and ``select_for_update``.

    ``build`` makes the queryset from keyword arguments; ``types`` names the type of each (UUID, str
    or datetime). It is called once, so it must not branch on a value, and each value must reach the
    statement as it is.
    """

    def __init__(self, build: Callable[..., models.QuerySet[M]], **types: type) -> None:
        self._build = build
        self._types = types
        self._compiled: _Select[M] | None = None

    def first(self, **values: Any) -> M | None:
        """Return the first row as an instance, None where there is none."""
        if self._compiled is None:
            stand_ins = {name: _STAND_INS[kind]() for name, kind in self._types.items()}
            self._compiled = _Select(self._build(**stand_ins), stand_ins)
        return self._compiled.first(values)


class _Select(Generic[M]):
    def __init__(self, queryset: models.QuerySet[M], stand_ins: dict[str, Any]) -> None:
        query: Any = queryset.query
        self._is_locking = query.select_for_update
        compiler = query.get_compiler(connection=connection)
        self._sql, params = compiler.as_sql()
        names = {value: name for name, value in stand_ins.items()}
        # Of each parameter the name of its value, or the value that never changes.
        self._params = [(names.get(_hashable(each)), each) for each in params]
        if missing := set(stand_ins) - {name for name, _value in self._params}:
            raise ValueError(f"The statement does not contain {', '.join(sorted(missing))}.")
        expressions = [column[0] for column in compiler.select[: compiler.col_count]]
        self._converters = list(compiler.get_converters(expressions).items())
        info = compiler.klass_info
        start, end = info["select_fields"][0], info["select_fields"][-1] + 1
        self._model = info["model"]
        self._names = [column[0].target.attname for column in compiler.select[start:end]]
        self._own = itemgetter(slice(start, end))
        self._annotations = list(compiler.annotation_col_map.items())
        # The stubs are of a later Django.
        self._related: Any = get_related_populators(info, compiler.select, connection.alias)  # type: ignore[call-arg]

    def first(self, values: dict[str, Any]) -> M | None:
        if self._is_locking and not connection.in_atomic_block:
            raise TransactionManagementError("A row is locked within a transaction only.")
        params = [values[name] if name else value for name, value in self._params]
        with connection.cursor() as cursor:
            cursor.execute(self._sql, params)
            found = cursor.fetchone()
        if found is None:
            return None
        row = list(found)
        for position, (converters, expression) in self._converters:
            for convert in converters:
                row[position] = convert(row[position], expression, connection)
        instance: M = self._model.from_db(connection.alias, self._names, self._own(row))
        for related in self._related:
            related.populate(row, instance)
        for name, position in self._annotations:
            setattr(instance, name, row[position])
        return instance


class CompiledUpdate:
    """``save(update_fields=…)`` of one existing row, without signals and without versions.

    ``names`` are the fields; ``auto_now`` ones are set, as saving does.
    """

    def __init__(self, model: type[models.Model], names: Sequence[str]) -> None:
        self._model = model
        self._names = names
        self._compiled: tuple[str, list[Any]] | None = None

    def save(self, instance: models.Model) -> bool:
        """Write the fields. Return False if the row is gone."""
        if self._compiled is None:
            self._compiled = self._compile()
        sql, fields = self._compiled
        params = [
            field.get_db_prep_save(field.pre_save(instance, add=False), connection)
            for field in fields
        ]
        with connection.cursor() as cursor:
            cursor.execute(sql, [*params, instance.pk])
            return bool(cursor.rowcount)

    def _compile(self) -> tuple[str, list[Any]]:
        options: Any = self._model._meta
        quote = connection.ops.quote_name
        fields: list[Any] = [options.get_field(name) for name in self._names]
        assigned = []
        for field in fields:
            # Arrays, for one, name their type.
            place = getattr(field, "get_placeholder", None)
            sign = place(None, None, connection) if place else "%s"
            assigned.append(f"{quote(field.column)} = {sign}")
        table, key = quote(options.db_table), quote(options.pk.column)
        return f"UPDATE {table} SET {', '.join(assigned)} WHERE {key} = %s", fields  # noqa: S608


def _hashable(value: Any) -> Any:
    return value if isinstance(value, (UUID, str, datetime)) else None
