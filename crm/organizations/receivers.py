"""Receivers of other apps' signals: notifications that a member wants by email, too."""

from typing import Any

from django.dispatch import receiver
from django.urls import reverse
from django.utils.translation import gettext as _

from crm.core.http.public_address import public_url
from crm.core.mail.services import Email, queue_mail
from crm.core.notifications.kinds import present
from crm.core.notifications.models import Notification
from crm.core.notifications.signals import email_wanted
from crm.organizations.models import Membership


@receiver(email_wanted, dispatch_uid="organizations.email_notification")
def email_notification(*, notification: Notification, **kwargs: Any) -> None:
    """Queue the email in the notification's transaction, for who may come in at present."""
    membership = (
        Membership.objects.active()
        .in_organization(notification.organization_id)
        .with_rights()
        .filter(user=notification.user_id)
        .first()
    )
    if membership is None or not membership.meets_factor_rule:
        return

    def compose() -> Email:
        (shown,) = present(membership, [notification])
        url = shown.url or reverse("notifications:list")
        return Email(
            subject=shown.text,
            paragraphs=(shown.text,),
            action_label=_("Open in NextFlow"),
            action_url=public_url(url),
            small_print=(
                _("You chose to get this by email. Change it under Settings, Notifications."),
            ),
        )

    queue_mail(
        kind="notification",
        to=membership.user.email,
        language_code=membership.user.language_code,
        compose=compose,
    )
