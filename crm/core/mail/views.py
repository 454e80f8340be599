"""The outbox: emails of a development installation without a mail server."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from crm.core.mail.models import Mail

SHOWN = 30


@never_cache
@require_safe
def outbox(request: HttpRequest) -> HttpResponse:
    """Render the newest emails without authentication; Http404 unless MAIL_OUTBOX is set.

    Only the development settings (config.settings.dev) set it, and only without EMAIL_URL.
    """
    if not settings.MAIL_OUTBOX:
        raise Http404
    mails = Mail.objects.order_by("-created_at")[:SHOWN]
    return render(request, "mail/outbox.html", {"mails": mails})
