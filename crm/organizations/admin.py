"""Admin of organizations, memberships and the jobs of organizations."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from crm.core.admin.admin_actions import AdminAction, AdminActionForm
from crm.core.admin.model_admin import ConsoleAdmin, ReadOnlyAdmin
from crm.core.admin.navigation import Menu, Section
from crm.core.admin.rows import RowsInline
from crm.core.errors import Forbidden
from crm.core.jobs.downloads import download
from crm.core.jobs.kinds import find_kind
from crm.core.jobs.models import Job, JobState
from crm.core.jobs.services import cancel_job, fetch_file
from crm.core.records import records
from crm.organizations.models import Membership, Organization, Role, User
from crm.organizations.operators import operator_principal
from crm.organizations.services.members import add_member, deactivate_member, reactivate_member
from crm.organizations.services.organizations import (
    announce_factor_rule,
    deactivate_organization,
    reactivate_organization,
)
from crm.organizations.services.roles import change_role, grantable_roles

MEMBERS_SHOWN = 100


class MemberInline(RowsInline):
    """The members, by pages; they are changed on their own page, through services."""

    model = Membership
    fields = ["user", "role", "custom_role", "is_active"]
    readonly_fields = fields
    verbose_name_plural = _("members")
    per_page = 20

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        found = super().get_queryset(request)
        return found.select_related("organization", "user", "custom_role").order_by("pk")


def _switch_off(request: HttpRequest, row: Organization, form: forms.Form) -> str:
    deactivate_organization(organization_id=row.pk)
    return gettext("Switched off. Nobody works in it any more, and its widgets are silent.")


def _switch_on(request: HttpRequest, row: Organization, form: forms.Form) -> str:
    reactivate_organization(organization_id=row.pk)
    return gettext("Switched on again.")


@admin.register(Organization)
class OrganizationAdmin(ConsoleAdmin):
    menu = Menu(Section.TENANTS, "apartment", rank=10)
    list_display = ["name", "slug", "is_active", "language_code", "created_at"]
    list_filter = ["is_active", "language_code", "requires_second_factor"]
    search_fields = ["name", "slug", "=id"]
    search_help_text = _("A part of the name, or an id in full.")
    ordering = ["name"]
    prepopulated_fields = {"slug": ["name"]}
    fields = [
        "name",
        "slug",
        "is_active",
        "language_code",
        "timezone",
        "currency",
        "requires_second_factor",
        "created_at",
        "updated_at",
    ]
    inlines = [MemberInline]
    admin_actions = [
        AdminAction(
            name="deactivate",
            title=_("Switch off"),
            asks=_("Nobody can work in this organization until it is switched on again."),
            consequences=(
                _("Its members' sockets close, and programs of theirs are logged out."),
                _("Its API keys and widgets are refused; visitors can send nothing."),
                _("Nothing is deleted."),
            ),
            run=_switch_off,
            icon="block",
            is_grave=True,
            fits=lambda row: row.is_active,
        ),
        AdminAction(
            name="reactivate",
            title=_("Switch on"),
            asks=_("Its keys and widgets work again; members log in anew."),
            run=_switch_on,
            icon="check_circle",
            fits=lambda row: not row.is_active,
        ),
    ]

    def get_readonly_fields(
        self, request: HttpRequest, obj: Organization | None = None
    ) -> list[str]:
        # A short name stands in addresses that people have kept. Their currency the members change,
        # in the settings, where rates are asked about.
        return ["is_active", "currency", "created_at", "updated_at", *(["slug"] if obj else [])]

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Organization | None = None
    ) -> dict[str, Any]:
        return {} if obj else dict(self.prepopulated_fields)

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        return list(self.inlines) if obj else []

    def save_model(self, request: HttpRequest, obj: Organization, form: Any, change: Any) -> None:
        super().save_model(request, obj, form, change)
        if "requires_second_factor" in form.changed_data:
            announce_factor_rule(obj)


class RoleForm(AdminActionForm):
    role = forms.ChoiceField(label=_("Role"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["role"]
        field.choices = grantable_roles(operator_principal(self.request, self.row.organization_id))
        field.initial = self.row.role_key


def _require_no_operator(request: HttpRequest, row: Membership) -> None:
    """Raise Forbidden where an operator would give an operator rights in an organization: those
    enter by impersonation, with a reason and for a time. Superusers may.
    """
    if row.user.is_staff and not request.user.is_superuser:
        raise Forbidden


def _change_role(request: HttpRequest, row: Membership, form: forms.Form) -> str:
    _require_no_operator(request, row)
    by = operator_principal(request, row.organization_id)
    change_role(by=by, membership_id=row.pk, key=form.cleaned_data["role"])
    return gettext("The role is changed.")


def _remove(request: HttpRequest, row: Membership, form: forms.Form) -> str:
    deactivate_member(by=operator_principal(request, row.organization_id), membership_id=row.pk)
    return gettext("They are out of this organization.")


def _let_back(request: HttpRequest, row: Membership, form: forms.Form) -> str:
    _require_no_operator(request, row)
    reactivate_member(by=operator_principal(request, row.organization_id), membership_id=row.pk)
    return gettext("They are back, with the role that they had.")


@admin.register(Membership)
class MembershipAdmin(ConsoleAdmin):
    menu = Menu(Section.TENANTS, "badge", rank=30)
    list_display = ["user", "organization", "role", "custom_role", "is_active", "created_at"]
    list_filter = ["role", "is_active"]
    list_select_related = ["user", "organization", "custom_role"]
    search_fields = ["user__search_text", "organization__name", "=id"]
    autocomplete_fields = ["user", "organization"]
    ordering = ["-id"]
    admin_actions = [
        AdminAction(
            name="change-role",
            title=_("Change the role"),
            asks=_("Their open pages learn of it at once."),
            run=_change_role,
            form_class=RoleForm,
            icon="manage_accounts",
            fits=lambda row: row.is_active,
        ),
        AdminAction(
            name="deactivate",
            title=_("Deactivate"),
            asks=_("They cannot work in this organization any more; what they wrote stays."),
            run=_remove,
            icon="block",
            is_grave=True,
            fits=lambda row: row.is_active,
        ),
        AdminAction(
            name="reactivate",
            title=_("Reactivate"),
            asks=_("They work in this organization again, with the role that they had."),
            run=_let_back,
            icon="check_circle",
            fits=lambda row: not row.is_active,
        ),
    ]

    def get_fields(self, request: HttpRequest, obj: Membership | None = None) -> list[str]:
        if obj is None:
            return ["organization", "user", "role"]
        return ["organization", "user", "role", "custom_role", "is_active", "created_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> list[str]:
        return self.get_fields(request, obj) if obj else []

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Offer no operator as a member, except to superusers: an operator who is let into an
        organization enters by impersonation, with a reason and for a time.
        """
        if db_field.name == "user" and not request.user.is_superuser:
            kwargs["queryset"] = User.objects.filter(is_staff=False)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: Any) -> None:
        stored = add_member(
            organization_id=obj.organization_id, user_id=obj.user_id, role=Role(obj.role)
        )
        obj.pk = stored.pk
        obj.refresh_from_db()


def _require_may_read_file(request: HttpRequest, row: Job) -> None:
    """Raise Forbidden unless the operator may view what was written into the job's file."""
    kind = find_kind(row.kind)
    needed = kind.file_permissions if kind else None
    if needed is None or not request.user.has_perms(needed(row)):
        raise Forbidden


def _fetch(request: HttpRequest, row: Job, form: forms.Form) -> HttpResponseBase:
    _require_may_read_file(request, row)
    by = operator_principal(request, row.organization_id)
    return download(by, partial(fetch_file, by=by, job_id=row.pk))


def _cancel(request: HttpRequest, row: Job, form: forms.Form) -> str:
    cancel_job(by=operator_principal(request, row.organization_id), job_id=row.pk)
    return gettext("Cancelled.")


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    @property
    def telling(self) -> Mapping[str, Sequence[str]]:  # type: ignore[override]
        """Return that errors hold words of cells of an import, of whatever record."""
        imported = (each for each in records() if each.import_keys)
        return {"error": tuple(sorted(each.view_permission for each in imported))}

    menu = Menu(Section.MACHINERY, "hourglass_top", rank=20)
    list_display = ["created_at", "organization", "kind", "started_by", "state", "done", "total"]
    list_filter = ["state", "kind"]
    list_select_related = ["organization", "started_by"]
    search_fields = ["organization__name", "started_by__search_text", "=id"]
    ordering = ["-id"]
    fields = [
        "organization",
        "kind",
        "started_by",
        "state",
        "done",
        "total",
        "attempts",
        "error_code",
        "error",
        "created_at",
        "started_at",
        "finished_at",
    ]
    admin_actions = [
        AdminAction(
            name="fetch",
            title=_("Fetch the file"),
            asks=_("That you fetched it stands in the organization's audit."),
            run=_fetch,
            icon="download",
            permission="jobs.view_job",
            fits=lambda row: row.state == JobState.DONE and bool(row.files.get("result")),
        ),
        AdminAction(
            name="cancel",
            title=_("Cancel"),
            asks=_("What it has done so far stays; its files are deleted."),
            run=_cancel,
            icon="cancel",
            permission="jobs.change_job",
            fits=lambda row: row.is_active,
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        found: QuerySet[Job] = super().get_queryset(request)
        return found.defer("data", "checkpoint", "result")
