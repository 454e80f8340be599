"""What stands between a right password and a session."""

from allauth.account.models import EmailAddress
from allauth.account.stages import EmailVerificationStage
from django.http import HttpResponse


class AddressStage(EmailVerificationStage):
    """Let in who has proved their address; an operator who made an account vouches for it."""

    def handle(self) -> tuple[HttpResponse | None, bool]:
        if self.login.user is not None:
            vouch_for_address(self.login.user)
        response, goes_on = super().handle()
        return response, goes_on


def vouch_for_address(user: object) -> None:
    """Note the address of an account that did not sign up by itself as proved.

    Whoever signs up has a row from the start, which says that it is not.
    """
    if not EmailAddress.objects.filter(user=user).exists():
        EmailAddress.objects.get_or_create(
            user=user,
            email=user.email,  # type: ignore[attr-defined]
            defaults={"primary": True, "verified": True},
        )
