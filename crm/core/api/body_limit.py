"""Validation of request bodies: only declared members are accepted."""

from collections.abc import Mapping
from typing import Any

from rest_framework.request import Request

from crm.core.api.fields import UnknownBodyField
from crm.core.api.text import NormalizedSerializer


class Body(NormalizedSerializer):
    """The body of a request; an undeclared member raises UnknownBodyField."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            for name in data:
                if name not in self.fields or self.fields[name].read_only:
                    raise UnknownBodyField(
                        extra={"field": str(name)[:64], "allowed": sorted(self.fields)}
                    )
            # A line end counts as one, however it was sent.
            data = {name: _with_plain_line_ends(value) for name, value in data.items()}
        return super().to_internal_value(data)

    @classmethod
    def read(cls, request: Request, *, partial: bool = False, **context: Any) -> dict[str, Any]:
        """Return the validated members of the request body. Raise ValidationError or
        UnknownBodyField.
        """
        body = cls(data=request.data, partial=partial, context={"request": request, **context})
        body.is_valid(raise_exception=True)
        given: dict[str, Any] = body.validated_data
        return given


def _with_plain_line_ends(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return value.replace("\r\n", "\n").replace("\r", "\n")
