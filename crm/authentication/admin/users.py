"""Admin of users."""

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from crm.authentication.admin.impersonation import AS_PERSON
from crm.authentication.models import EndReason
from crm.authentication.services.access import (
    deactivate_user,
    end_access,
    reactivate_user,
    reset_second_factor,
    send_password_reset,
)
from crm.authentication.services.sessions import RECORD_KEY
from crm.core.admin.admin_actions import AdminAction
from crm.core.admin.model_admin import ConsoleAdmin
from crm.core.admin.navigation import Menu, Section
from crm.core.admin.rows import RowsInline
from crm.core.forms import ModelForm
from crm.organizations.models import Membership, User

# Who has these could give themselves everything else.
_POWERS = ("is_staff", "is_superuser", "groups")


class MembershipInline(RowsInline):
    """A user's memberships: they are changed on their own page, through services."""

    model = Membership
    fields = ["organization", "role", "custom_role", "is_active"]
    readonly_fields = fields
    verbose_name_plural = _("memberships")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        found = super().get_queryset(request)
        return found.select_related("organization", "user", "custom_role")


class PersonForm(ModelForm):
    """Without a password: operators do not set passwords."""


class NewPersonForm(PersonForm):
    """A new account: its owner chooses the password, by an emailed link."""

    class Meta:
        model = User
        fields = ("email", "name", "language_code")

    def clean_email(self) -> str:
        return User.objects.normalize_email(self.cleaned_data["email"])

    def save(self, commit: bool = True) -> User:  # noqa: FBT001, FBT002  Django's signature
        self.instance.set_unusable_password()
        return super().save(commit)


def _switch_off(request: HttpRequest, row: User, form: forms.Form) -> str:
    deactivate_user(user_id=row.pk, by=_operator(request))
    return gettext("Switched off. Every session, token and socket of theirs has ended.")


def _switch_on(request: HttpRequest, row: User, form: forms.Form) -> str:
    reactivate_user(user_id=row.pk)
    return gettext("Switched on again; they log in anew.")


def _reset_factor(request: HttpRequest, row: User, form: forms.Form) -> str:
    reset_second_factor(user_id=row.pk)
    return gettext("The second factor is removed. They were told by email.")


def _send_reset(request: HttpRequest, row: User, form: forms.Form) -> str:
    send_password_reset(request=request, user=row)
    return gettext("An email with a link is on its way.")


def _log_out(request: HttpRequest, row: User, form: forms.Form) -> str:
    end_access(user_id=row.pk, because=EndReason.REVOKED, spared_id=_own_session(request, row))
    return gettext("Every session, token and socket of theirs has ended.")


def _operator(request: HttpRequest) -> User:
    return cast(User, request.user)


def _own_session(request: HttpRequest, row: User) -> str | None:
    return request.session.get(RECORD_KEY) if row.pk == request.user.pk else None


@admin.register(User)
class UserAdmin(ConsoleAdmin):
    """Not Django's own admin, which sets passwords: operators do not set passwords."""

    menu = Menu(Section.TENANTS, "person", rank=20)
    form = PersonForm
    list_display = ["email", "name", "is_active", "is_staff", "language_code", "created_at"]
    list_filter = ["is_active", "is_staff", "is_superuser", "language_code"]
    search_fields = ["search_text", "=id"]
    search_help_text = _("A part of the address or the name, or an id in full.")
    ordering = ["email"]
    filter_horizontal = ["groups"]
    readonly_fields = ["email", "is_active", "last_login", "created_at", "updated_at"]
    inlines = [MembershipInline]
    fieldsets = [
        (None, {"fields": ["email", "is_active"]}),
        (_("Person"), {"fields": ["name", "phone", "language_code", "timezone"]}),
        (_("Operator"), {"fields": ["is_staff", "is_superuser", "groups"]}),
        (_("Times"), {"fields": ["last_login", "created_at", "updated_at"]}),
    ]
    add_fieldsets = [(None, {"classes": ["wide"], "fields": ["email", "name", "language_code"]})]
    admin_actions = [
        AS_PERSON,
        AdminAction(
            name="send-password-reset",
            title=_("Send a password link"),
            asks=_("An email goes to their address, with a link that sets a new password."),
            run=_send_reset,
            icon="mail",
            fits=lambda row: row.is_active,
        ),
        AdminAction(
            name="log-out",
            title=_("Log out everywhere"),
            asks=_("Whatever they are logged in with ends now."),
            run=_log_out,
            icon="logout",
        ),
        AdminAction(
            name="reset-second-factor",
            title=_("Reset the second factor"),
            asks=_(
                "For somebody who lost their phone and their codes. Make sure who asks: whoever "
                "knows the password is in afterwards."
            ),
            consequences=(
                _("Their app, passkeys and recovery codes are removed."),
                _("Every session, token and socket of theirs ends."),
                _("They are told by email."),
            ),
            run=_reset_factor,
            icon="phonelink_erase",
            is_grave=True,
        ),
        AdminAction(
            name="deactivate",
            title=_("Switch off"),
            asks=_("They cannot log in anywhere until somebody switches the account on again."),
            consequences=(_("Every session, token and socket of theirs ends."),),
            run=_switch_off,
            icon="block",
            is_grave=True,
            fits=lambda row: row.is_active,
        ),
        AdminAction(
            name="reactivate",
            title=_("Switch on"),
            asks=_("They may log in again, with the roles that they had."),
            run=_switch_on,
            icon="check_circle",
            fits=lambda row: not row.is_active,
        ),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        fields = [*self.readonly_fields] if obj else []
        return fields if _is_superuser(request) else [*fields, *_POWERS]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Return False for operators unless the requester is a superuser: permissions could
        escalate.
        """
        is_theirs = obj is None or _is_superuser(request) or not _has_powers(obj)
        return is_theirs and bool(super().has_change_permission(request, obj))

    def may_do(self, request: HttpRequest, action: AdminAction, row: User) -> bool:
        if _has_powers(row) and not _is_superuser(request):
            return False
        return super().may_do(request, action, row)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: Any) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            send_password_reset(request=request, user=obj)
        if change and set(form.changed_data) & set(_POWERS):
            # What they may do here has changed; they show anew who they are.
            end_access(
                user_id=obj.pk, because=EndReason.REVOKED, spared_id=_own_session(request, obj)
            )

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        return super().get_fieldsets(request, obj) if obj else self.add_fieldsets

    def get_form(self, request: HttpRequest, obj: User | None = None, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = NewPersonForm
        return super().get_form(request, obj, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(super().has_add_permission(request)) and self.has_change_permission(request)

    def response_add(self, request: HttpRequest, obj: User, *args: Any) -> HttpResponse:
        self.message_user(request, gettext("An email with a link is on its way."))
        return super().response_add(request, obj, *args)


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ConsoleAdmin):  # type: ignore[misc]  # a class and its subclass
    """The permissions of operators who are not superusers."""

    menu = Menu(Section.TENANTS, "shield_person", rank=90)
    filter_horizontal = ["permissions"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)


def _is_superuser(request: HttpRequest) -> bool:
    user: Any = request.user
    return bool(user.is_superuser)


def _has_powers(user: User) -> bool:
    return user.is_staff or user.is_superuser
