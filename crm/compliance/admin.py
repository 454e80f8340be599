"""Read-only admin of the audit: every chain, including the installation's own."""

import json
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from crm.compliance.filters import Filters
from crm.compliance.forms import DAYS
from crm.compliance.managers import withheld_kinds
from crm.compliance.models import INSTALLATION, AuditEntry, LegalHold
from crm.compliance.presentation import (
    PresentedEntry,
    present_entries,
    title_of,
)
from crm.compliance.services.exports import start_export
from crm.core.admin.admin_actions import AdminAction, AdminActionForm
from crm.core.admin.model_admin import ReadOnlyAdmin
from crm.core.admin.navigation import Menu, Section
from crm.core.transfer.formats import Format
from crm.customers.models import Customer
from crm.organizations.admin import OrganizationAdmin
from crm.organizations.models import Organization
from crm.organizations.operators import operator_principal

PERIODS = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=31)}


class PeriodFilter(admin.SimpleListFilter):
    """Limit the period: by default a day, or a month with a search.

    The tables hold ten years of every organization.
    """

    title = _("period")
    parameter_name = "period"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("day", _("The last day")),
            ("week", _("The last seven days")),
            ("month", _("The last 31 days")),
            ("all", _("All ten years")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value() or ("month" if request.GET.get("q") else "day")
        if chosen == "all":
            return queryset
        if chosen not in PERIODS:
            raise IncorrectLookupParameters
        return queryset.filter(at__gte=timezone.now() - PERIODS[chosen])


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    menu = Menu(Section.EVIDENCE, "history", rank=10)
    list_display = ["link", "whose", "seq", "what", "who", "concerned"]
    list_display_links = None
    list_filter = [PeriodFilter, "actor_kind"]
    search_fields = ["=organization_id", "=actor_id", "=object_id", "=action"]
    search_help_text = _("An organization's, actor's or object's id, or an action, in full.")
    ordering = ["-at"]
    fields = [
        "at",
        "whose",
        "seq",
        "what",
        "action",
        "who",
        "actor_kind",
        "actor_id",
        "address",
        "object_type",
        "object_id",
        "object_name",
        "changes",
        "told",
        "correlation_id",
    ]
    readonly_fields = ["whose", "what", "who", "address", "object_name", "changes", "told"]
    # What was changed is told by kind, to who may view the rows of that kind: `withheld_kinds`.

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("prev_hash", "hash")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Add the names of a page's people and organizations, in one query each."""
        page = super().get_changelist_instance(request)
        shown = list(page.result_list)
        names = Organization.objects.in_bulk({entry.organization_id for entry in shown})
        for entry, presented in zip(shown, _present(request, shown), strict=True):
            entry.presented = presented
            entry.organization_name = str(names.get(entry.organization_id, ""))
        page.result_list = shown
        return page

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> AuditEntry | None:
        """Return an entry by id and time, if the link has the time: the id alone has no index."""
        entries = self.get_queryset(request)
        try:
            at = parse_datetime(request.GET.get("at", ""))
        except ValueError:
            at = None
        if at is not None:
            entries = entries.filter(at=_aware(at))
        try:
            found: AuditEntry | None = entries.filter(pk=object_id).first()
        except (ValueError, forms.ValidationError):
            return None
        if found is not None:
            found.presented = _present(request, [found])[0]  # type: ignore[attr-defined]
        return found

    @admin.display(description=_("time"), ordering="at")
    def link(self, entry: AuditEntry) -> str:
        address = reverse("admin:compliance_auditentry_change", args=[entry.pk])
        at = entry.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        shown = timezone.localtime(entry.at).strftime("%Y-%m-%d %H:%M:%S")
        return format_html('<a href="{}?at={}">{}</a>', address, at, shown)

    @admin.display(description=_("organization"))
    def whose(self, entry: AuditEntry) -> str:
        if entry.organization_id == INSTALLATION:
            return gettext("The installation")
        address = reverse("admin:organizations_organization_change", args=[entry.organization_id])
        name = getattr(entry, "organization_name", "") or entry.organization_id
        return format_html('<a href="{}">{}</a>', address, name)

    @admin.display(description=_("what"))
    def what(self, entry: AuditEntry) -> str:
        return title_of(entry.action)

    @admin.display(description=_("who"))
    def who(self, entry: AuditEntry) -> str:
        return _presented(entry).actor

    @admin.display(description=_("object"))
    def concerned(self, entry: AuditEntry) -> str:
        return _presented(entry).object_name or entry.object_id

    @admin.display(description=_("address"))
    def address(self, entry: AuditEntry) -> str:
        return _presented(entry).address

    @admin.display(description=_("object's name"))
    def object_name(self, entry: AuditEntry) -> str:
        return _presented(entry).object_name

    @admin.display(description=_("changes"))
    def changes(self, entry: AuditEntry) -> str:
        presented = _presented(entry)
        if presented.is_erased:
            return gettext("The values were erased.")
        if presented.is_withheld:
            return gettext("Only operators who may view these rows see the values.")
        return format_html_join("\n", "<div>{}: {} → {}</div>", presented.changes)

    @admin.display(description=_("details"))
    def told(self, entry: AuditEntry) -> str:
        return json.dumps(_presented(entry).details, ensure_ascii=False, sort_keys=True)


@admin.register(LegalHold)
class LegalHoldAdmin(ReadOnlyAdmin):
    menu = Menu(Section.EVIDENCE, "gavel", rank=30)
    list_display = ["organization", "subject", "reason", "placed_at", "lifted_at", "lift_reason"]
    list_select_related = ["organization"]
    search_fields = ["organization__name", "=subject", "reason"]
    ordering = ["-id"]
    # Who places a hold may name the customer in it.
    telling = {
        "reason": ("customers.view_customer",),
        "lift_reason": ("customers.view_customer",),
    }


class ExportForm(AdminActionForm):
    format = forms.ChoiceField(label=_("File"), choices=Format.choices)
    since = forms.DateField(
        label=pgettext_lazy("day", "From"),
        validators=DAYS,
        widget=forms.DateInput(attrs={"type": "date"}),
        required=False,
    )
    until = forms.DateField(
        label=pgettext_lazy("day", "To"),
        validators=DAYS,
        widget=forms.DateInput(attrs={"type": "date"}),
        required=False,
    )


def _ask(request: HttpRequest, row: Organization, form: forms.Form) -> str:
    asked = form.cleaned_data
    start_export(
        by=operator_principal(request, row.pk),
        file_format=Format(asked["format"]),
        filters=Filters(
            since=_day(asked["since"]) if asked["since"] else None,
            until=_day(asked["until"]) + timedelta(days=1) if asked["until"] else None,
        ),
        withheld=withheld_kinds(request.user),
    )
    return gettext("The export is being made; it is listed under Background tasks.")


OrganizationAdmin.admin_actions = [
    *OrganizationAdmin.admin_actions,
    AdminAction(
        name="export-audit",
        title=_("Export the audit"),
        asks=_("A file of this organization's entries is made in the background."),
        consequences=(_("That you asked for it, and fetched it, stands in their audit."),),
        run=_ask,
        form_class=ExportForm,
        icon="download",
        permission="compliance.view_auditentry",
    ),
]


def _present(request: HttpRequest, entries: list[AuditEntry]) -> list[PresentedEntry]:
    """Present entries to an operator, with the values of the kinds whose rows they may view."""
    withheld = withheld_kinds(request.user)
    customers = Customer.objects.none() if "customer" in withheld else Customer.objects.all()
    return present_entries(entries, customers=customers, withheld=withheld)


def _presented(entry: AuditEntry) -> PresentedEntry:
    found: PresentedEntry = entry.presented  # type: ignore[attr-defined]
    return found


def _day(day: date) -> datetime:
    return datetime.combine(day, time.min, timezone.get_current_timezone())


def _aware(at: datetime) -> datetime:
    return at if timezone.is_aware(at) else timezone.make_aware(at)
