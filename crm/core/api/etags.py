"""ETags of single records and the ``If-Match`` header (RFC 9110, section 13.1.1)."""

import re

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from crm.core.versions import IfMatchInvalid, VersionedModel

_ETAG = re.compile(r'"v([0-9]{1,18})"')
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description=(
        "The `ETag` of the answer that the change was made from. If the record has changed since, "
        "nothing is written and the answer is 412 `precondition_failed`. Without it, the members "
        "that are sent replace the present ones."
    ),
)


def etag_of(record: VersionedModel) -> str:
    return f'"v{record.version}"'


def etag_headers(record: VersionedModel) -> dict[str, str]:
    return {"ETag": etag_of(record)}


def expected_version(request: Request) -> int | None:
    """Return the version that ``If-Match`` names; None without one. Raise IfMatchInvalid."""
    given = request.headers.get("If-Match")
    if given is None or given.strip() == "*":
        return None
    found = _ETAG.fullmatch(given.strip())
    if found is None:
        raise IfMatchInvalid
    return int(found[1])
