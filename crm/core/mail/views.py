"""The outbox: letters of an installation that has no mail server, for those who try it out."""

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
    """Show the newest letters to anybody who reaches this machine; elsewhere there is no such page.

    Only a checkout on somebody's own machine has it (config.settings.dev), and only without
    EMAIL_URL.
    """
    if not settings.MAIL_OUTBOX:
        raise Http404
    mails = Mail.objects.order_by("-created_at")[:SHOWN]
    return render(request, "mail/outbox.html", {"mails": mails})
