"""Admin of periodic tasks."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, ProhibitNullCharactersValidator
from django.forms import JSONField
from django.http import HttpRequest
from django_celery_beat.admin import PeriodicTaskAdmin as BeatPeriodicTaskAdmin
from django_celery_beat.admin import PeriodicTaskForm, TaskSelectWidget
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from kombu.utils.json import loads
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from crm.core.admin.model_admin import ConsoleAdmin, ReadOnlyAdmin
from crm.core.admin.navigation import Menu, Section
from crm.core.forms import NormalizedText
from crm.operations.models import CheckRun

TASK_LENGTH = PeriodicTask._meta.get_field("task").max_length

for model in (PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule):
    admin.site.unregister(model)


class TaskSelect(UnfoldAdminSelectWidget, TaskSelectWidget):
    """beat's list of registered tasks in unfold's style."""


class TaskForm(NormalizedText, PeriodicTaskForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "task" in self.fields:
            self.fields["task"].widget = UnfoldAdminTextInputWidget()
            self.fields["regtask"].widget = TaskSelect()
            self.fields["regtask"].validators += [
                MaxLengthValidator(TASK_LENGTH),
                ProhibitNullCharactersValidator(),
            ]

    def clean(self) -> dict[str, Any]:
        """Skip beat's check of a task name that its own field refused."""
        if self.errors.keys() & {"task", "regtask"}:
            return self.cleaned_data
        cleaned: dict[str, Any] = super().clean()
        return cleaned

    def clean_headers(self) -> str:
        return self._clean_json("headers")

    def _clean_json(self, field: str) -> str:
        """Raise ValidationError for any text that beat cannot read."""
        try:
            read = loads(self.cleaned_data[field])
        except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError):
            read = None
        if not isinstance(read, list if field == "args" else dict):
            raise ValidationError(JSONField.default_error_messages["invalid"], "invalid")
        return str(self.cleaned_data[field])


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(BeatPeriodicTaskAdmin, ConsoleAdmin):
    menu = Menu(Section.MACHINERY, "schedule", rank=30)
    form = TaskForm
    list_display = ["name", "enabled", "task", "interval", "crontab", "last_run_at"]
    list_filter = ["enabled", "one_off"]
    list_select_related = ["interval", "crontab", "solar", "clocked"]
    search_fields = ["name", "task"]
    ordering = ["name"]
    date_hierarchy = None

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Return no actions for read-only operators: beat's actions check no permission."""
        actions: dict[str, Any] = super().get_actions(request)
        return actions if self.has_change_permission(request) else {}

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        user: Any = request.user
        return bool(user.has_perm("django_celery_beat.delete_periodictask"))


@admin.register(IntervalSchedule)
class IntervalScheduleAdmin(ConsoleAdmin):
    list_display = ["every", "period"]
    search_fields = ["every", "period"]
    ordering = ["period", "every"]


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(ConsoleAdmin):
    list_display = ["minute", "hour", "day_of_month", "month_of_year", "day_of_week", "timezone"]
    search_fields = ["minute", "hour"]
    ordering = ["hour", "minute"]


@admin.register(CheckRun)
class CheckRunAdmin(ReadOnlyAdmin):
    menu = Menu(Section.EVIDENCE, "fact_check", rank=40)
    list_display = ["finished_at", "kind", "examined", "differences", "repaired"]
    list_filter = ["kind"]
    search_fields = ["=id"]
    ordering = ["-id"]
    fields = [
        "kind",
        "started_at",
        "finished_at",
        "examined",
        "differences",
        "repaired",
        "counts",
        "found",
    ]
