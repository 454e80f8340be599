"""Services of sign-up."""

from datetime import timedelta
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db import transaction
from django.utils import timezone

from crm.authentication.models import EndReason
from crm.authentication.services.access import end_access
from crm.organizations.models import Membership, User
from crm.organizations.services.organizations import found_organization

# What a user's metadata keeps of a sign-up until the address is confirmed.
WANTED = "wanted_organization"
UNCONFIRMED_KEPT = timedelta(days=7)


@transaction.atomic
def settle_sign_up(*, user_id: UUID) -> Membership | None:
    """Create the organization that a user signed up for, once their address is verified.

    Safe to repeat: the request is removed in the transaction that fulfils it.
    """
    user = User.objects.select_for_update().get(pk=user_id)
    name = user.metadata.pop(WANTED, None)
    if name is None:
        return None
    user.save(update_fields=["metadata", "updated_at"])
    return found_organization(user=user, name=name)


@transaction.atomic
def disarm_sign_up(*, user_id: UUID) -> None:
    """Remove an unverified account's credentials before the owner of the address takes it over.

    Another person may have signed up with it. An account with a verified address is unchanged.
    """
    user = User.objects.select_for_update().get(pk=user_id)
    addresses = EmailAddress.objects.filter(user=user)
    if addresses.filter(verified=True).exists() or not addresses.exists():
        return
    Authenticator.objects.filter(user=user).delete()
    SocialAccount.objects.filter(user=user).delete()
    user.set_unusable_password()
    user.save(update_fields=["password", "updated_at"])
    end_access(user_id=user_id, because=EndReason.PASSWORD_CHANGED)


def release_pending_address(*, email: str) -> None:
    """Delete the pending changes to this address of other accounts."""
    EmailAddress.objects.filter(email=email, verified=False).exclude(user__email=email).delete()


def purge_unconfirmed() -> int:
    """Delete accounts that were never verified, which frees their address. Return their number."""
    horizon = timezone.now() - UNCONFIRMED_KEPT
    forgotten = User.objects.never_confirmed().filter(created_at__lt=horizon)
    count = 0
    for user in forgotten[:500]:
        user.delete()
        count += 1
    return count
