"""Forms of the email address for log-in."""

from typing import Any

from allauth.account import forms as allauth
from django.utils.translation import gettext_lazy as _

from crm.authentication.forms.passwords import count, word_address
from crm.core.forms import NormalizedText


class ChangeAddressForm(NormalizedText, allauth.AddEmailForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        word_address(self.fields["email"])
        self.fields["email"].label = _("New email address")

    def clean_email(self) -> str:
        email = str(super().clean_email())
        count("address_change", user=self.user.pk)
        return email
