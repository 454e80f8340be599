"""Admin of django-allauth's models; neither TOTP secrets nor provider tokens are shown."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from crm.core.admin.model_admin import ReadOnlyAdmin
from crm.core.admin.navigation import Menu, Section

# Providers stand in the environment, and what they gave us is nobody's to read.
for model in (EmailAddress, Authenticator, SocialAccount, SocialApp, SocialToken):
    admin.site.unregister(model)


@admin.register(EmailAddress)
class EmailAddressAdmin(ReadOnlyAdmin):
    menu = Menu(Section.ACCESS, "alternate_email", rank=40)
    list_display = ["email", "user", "primary", "verified"]
    list_filter = ["primary", "verified"]
    list_select_related = ["user"]
    search_fields = ["email", "user__search_text"]
    ordering = ["email"]
    fields = ["email", "user", "primary", "verified"]


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnlyAdmin):
    menu = Menu(Section.ACCESS, "encrypted", rank=50)
    list_display = ["user", "type", "created_at", "last_used_at"]
    list_filter = ["type"]
    list_select_related = ["user"]
    search_fields = ["user__search_text"]
    search_help_text = _("Whose factor it is.")
    ordering = ["-created_at"]
    fields = ["user", "type", "created_at", "last_used_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Authenticator]:
        found: QuerySet[Authenticator] = super().get_queryset(request)
        return found.defer("data")


@admin.register(SocialAccount)
class SocialAccountAdmin(ReadOnlyAdmin):
    menu = Menu(Section.ACCESS, "link", rank=60)
    list_display = ["user", "provider", "date_joined", "last_login"]
    list_filter = ["provider"]
    list_select_related = ["user"]
    search_fields = ["user__search_text", "=uid"]
    ordering = ["-date_joined"]
    fields = ["user", "provider", "uid", "date_joined", "last_login"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SocialAccount]:
        found: QuerySet[SocialAccount] = super().get_queryset(request)
        return found.defer("extra_data")
