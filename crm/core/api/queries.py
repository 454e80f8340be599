"""Validation of query parameters: only declared ones are accepted."""

from typing import Any, Self

from django.utils.translation import gettext_noop
from rest_framework.request import Request

from crm.core.api.fields import fields_parameter
from crm.core.api.text import NormalizedSerializer
from crm.core.errors import Invalid


class UnknownParameter(Invalid):
    """``parameter`` is the unknown name, ``allowed`` are the valid ones."""

    code = "unknown_parameter"
    message = gettext_noop(
        "There is no such parameter, filter or operator here. Use those of `allowed`."
    )


class RepeatedParameter(Invalid):
    code = "repeated_parameter"
    message = gettext_noop("A parameter may stand in the address once. Send it once.")


class Query(NormalizedSerializer):
    """The parameters of one kind of request; an undeclared parameter is rejected."""

    @classmethod
    def read(cls, request: Request, **context: Any) -> Self:
        """Return the validated query parameters.

        Raise ValidationError, UnknownParameter or RepeatedParameter.
        """
        given = request.query_params
        query = cls(data=given.dict(), context={"request": request, **context})
        for name in given:
            if name not in query.fields:
                raise UnknownParameter(
                    extra={"parameter": name[:64], "allowed": sorted(query.fields)}
                )
            if len(given.getlist(name)) > 1:
                raise RepeatedParameter(extra={"parameter": name[:64]})
        query.is_valid(raise_exception=True)
        return query

    def __getitem__(self, name: str) -> Any:
        """Return a parameter's value or default, else None."""
        return self.validated_data.get(name)


class RecordQuery(Query):
    """The query parameters of one record: ``fields`` selects its members."""

    def get_fields(self) -> dict[str, Any]:
        # As a declaration it would hide the attribute of this name that serializers have.
        return super().get_fields() | {"fields": fields_parameter()}
