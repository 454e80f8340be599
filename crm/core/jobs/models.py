"""Jobs and their files."""

from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.core.ids import uuid7
from crm.core.permissions import WRITE, ApiKeyPrincipal, Module, Principal


class JobState(models.TextChoices):
    WAITING = "waiting", pgettext_lazy("job", "Waiting")
    RUNNING = "running", pgettext_lazy("job", "Running")
    DONE = "done", pgettext_lazy("job", "Finished")
    FAILED = "failed", pgettext_lazy("job", "Failed")
    CANCELLED = "cancelled", pgettext_lazy("job", "Cancelled")


ACTIVE = (JobState.WAITING, JobState.RUNNING)


class JobQuerySet(models.QuerySet["Job"]):
    def visible_to(self, principal: Principal) -> "JobQuerySet":
        """Return the principal's own jobs; to whoever manages the settings, all of the
        organization.
        """
        found = self.filter(organization_id=principal.organization_id)
        if principal.may(Module.SETTINGS, WRITE):
            return found
        return found.filter(starter_kind=principal.kind, starter_id=starter_id(principal))

    def active(self) -> "JobQuerySet":
        return self.filter(state__in=ACTIVE)

    def for_lists(self) -> "JobQuerySet":
        """Leave out what only a job's worker and its own page read."""
        return self.defer("checkpoint", "result")

    def newest_first(self) -> "JobQuerySet":
        return self.select_related("started_by").order_by("-created_at", "-pk")


def starter_id(principal: Principal) -> UUID:
    """Return the id with which `find_principal` looks the principal up."""
    if isinstance(principal, ApiKeyPrincipal):
        return UUID(principal.key_id)
    assert principal.user_id is not None  # noqa: S101  all others are people
    return principal.user_id


class Job(models.Model):
    """A piece of work of a registered kind (`crm.core.jobs.kinds`).

    ``data`` is the input. ``checkpoint`` is committed with the work up to it, where the
    next worker continues. ``worker`` is the token of the worker that runs it, valid until
    ``due_at``; without one, ``due_at`` is when the sweep queues it. ``files`` holds the number of
    chunks by name of a file. ``error_code`` and ``error`` say why it failed, in the starter's
    language.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        settings.ORGANIZATION_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    kind = models.CharField(_("kind"), max_length=60)
    starter_kind = models.CharField(max_length=20)
    starter_id = models.UUIDField()
    # Set together if an operator impersonated the starter.
    impersonation_id = models.UUIDField(null=True)
    operator_id = models.UUIDField(null=True)
    # For the name; None for an API key.
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("started by"),
    )
    language_code = models.CharField(max_length=10)
    timezone_name = models.CharField(max_length=64)
    data = models.JSONField(_("input"), default=dict)
    state = models.CharField(_("state"), max_length=10, choices=JobState, default=JobState.WAITING)
    stage = models.CharField(max_length=40, blank=True)
    done = models.BigIntegerField(pgettext_lazy("job", "done"), default=0)
    total = models.BigIntegerField(_("total"), null=True)
    checkpoint: Any = models.JSONField(null=True)
    result = models.JSONField(_("result"), default=dict)
    files = models.JSONField(default=dict)
    error_code = models.CharField(max_length=60, blank=True)
    error = models.TextField(_("error"), blank=True)
    worker = models.UUIDField(null=True)
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    objects: ClassVar[JobQuerySet] = JobQuerySet.as_manager()  # type: ignore[assignment]

    organization_id: UUID
    started_by_id: UUID | None

    class Meta:
        verbose_name = _("background task")
        verbose_name_plural = _("background tasks")
        indexes = [
            models.Index(fields=["organization", "-created_at", "-id"], name="jobs_newest_first"),
            models.Index(
                fields=["due_at"],
                name="jobs_that_are_due",
                condition=models.Q(state__in=["waiting", "running"]),
            ),
            models.Index(fields=["finished_at"], name="jobs_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} · {self.state}"

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE

    @property
    def percent(self) -> int | None:
        """Return the progress, None while the total is unknown."""
        if self.total is None:
            return None
        return min(100, self.done * 100 // self.total) if self.total else 100

    def is_own_of(self, principal: Principal) -> bool:
        return (self.starter_kind, self.starter_id) == (principal.kind, starter_id(principal))


class JobChunk(models.Model):
    """A part of a job's file, written by one step."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        settings.ORGANIZATION_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="chunks")
    file = models.CharField(max_length=20)
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        verbose_name = _("part of a task's file")
        verbose_name_plural = _("parts of tasks' files")
        constraints = [
            models.UniqueConstraint(
                fields=["job", "file", "number"], name="one_chunk_per_number_of_a_file"
            )
        ]

    def __str__(self) -> str:
        return f"{self.job_id} · {self.file} · {self.number}"
