"""Context processors of mail."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def outbox(request: HttpRequest) -> dict[str, Any]:
    return {"has_outbox": settings.MAIL_OUTBOX}
