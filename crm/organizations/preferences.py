"""Language and time zone of pages: the reader's; the API uses UTC."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from crm.core.timezones import zone_of
from crm.organizations.models import User

# Nobody gets these without a log-in, so to ask who it is costs nothing more.
PAGES = ("/app/", "/admin/")


def local_time_middleware(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    def answer(request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(PAGES) or not isinstance(request.user, User):
            return get_response(request)
        with timezone.override(zone_of(request.user.timezone)):
            return get_response(request)

    return answer


def remember_language(response: HttpResponse, code: str) -> None:
    if not translation.check_for_language(code):
        return
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        code,
        max_age=365 * 24 * 3600,
        path=settings.LANGUAGE_COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
