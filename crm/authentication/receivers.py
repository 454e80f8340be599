"""Receivers of log-ins and changes of credentials."""

from typing import Any

from allauth.account.signals import password_changed, password_reset, password_set
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from allauth.socialaccount.signals import social_account_removed
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.http import HttpRequest

from crm.authentication.impersonation import operator_of
from crm.authentication.models import EndReason
from crm.authentication.services.access import end_access
from crm.authentication.services.sessions import RECORD_KEY, begin_session, end_sessions
from crm.authentication.services.token_families import end_families
from crm.organizations.models import User

_PASSWORDS = (password_changed, password_reset, password_set)
_FACTORS = (authenticator_added, authenticator_removed, authenticator_reset)


@receiver(user_logged_in, dispatch_uid="authentication.begin_session")
def begin(request: HttpRequest, user: User, **kwargs: Any) -> None:
    begin_session(request=request, user=user)


@receiver(user_logged_out, dispatch_uid="authentication.end_session")
def end(request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    if user is not None and (record_id := request.session.get(RECORD_KEY)):
        # Whose session it is, whomever they see the application as.
        operator = operator_of(request)
        user_id = operator.pk if operator else user.pk
        end_sessions(user_id=user_id, because=EndReason.LOGGED_OUT, session_id=record_id)


@receiver(_PASSWORDS, dispatch_uid="authentication.end_access_with_the_password")
def end_with_password(request: HttpRequest, user: User, **kwargs: Any) -> None:
    end_access(user_id=user.pk, because=EndReason.PASSWORD_CHANGED, spared_id=_own(request))


@receiver(post_save, sender=User, dispatch_uid="authentication.end_programs_with_the_password")
def end_programs_with_password(instance: User, created: bool, **kwargs: Any) -> None:  # noqa: FBT001  Django's signature
    """Log out all programs with a new password, whoever sets it: also an operator's command.

    Sessions end by themselves: they hold a hash of the password.
    """
    if not created and instance._password is not None:
        end_families(user_id=instance.pk, because=EndReason.PASSWORD_CHANGED)


@receiver(_FACTORS, dispatch_uid="authentication.end_access_with_the_factors")
def end_with_factors(request: HttpRequest, user: User, **kwargs: Any) -> None:
    end_access(user_id=user.pk, because=EndReason.FACTORS_CHANGED, spared_id=_own(request))


@receiver(social_account_removed, dispatch_uid="authentication.end_access_with_the_provider")
def end_with_provider(request: HttpRequest, **kwargs: Any) -> None:
    """End what may have come in by an account of a provider that is linked no longer."""
    if isinstance(request.user, User):
        end_access(user_id=request.user.pk, because=EndReason.REVOKED, spared_id=_own(request))


def _own(request: HttpRequest) -> str | None:
    """Return the id of the session in which the credentials are changed; it is not ended."""
    record_id: str | None = request.session.get(RECORD_KEY)
    return record_id
