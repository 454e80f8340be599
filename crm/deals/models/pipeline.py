"""Pipelines, their ordered stages, and the reasons why deals are lost."""

from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.core.database.locks import lock_until_commit
from crm.core.models import NamedModel, TenantModel
from crm.core.models.named import NAME_LENGTH
from crm.core.permissions import Module, Principal
from crm.core.text.folding import is_taken, search_key


class StageKind(models.TextChoices):
    OPEN = "open", pgettext_lazy("deal", "Open")
    WON = "won", pgettext_lazy("deal", "Won")
    LOST = "lost", pgettext_lazy("deal", "Lost")


class SalesSetting(NamedModel, TenantModel):
    """A row that whoever sees deals or settings reads, and whoever writes settings changes.

    No two have the same name among those `beside` each other.
    """

    area = Module.SETTINGS
    name_taken: ClassVar[Any]

    position = models.PositiveSmallIntegerField(
        _("position"), default=1, validators=[MaxValueValidator(10_000)]
    )

    class Meta:
        abstract = True

    @classmethod
    def readable_q(cls, principal: Principal) -> models.Q:
        if principal.may(Module.DEALS):
            return models.Q(organization_id=principal.organization_id)
        return super().readable_q(principal)

    def beside(self) -> "models.QuerySet[Any]":
        """Return the other rows from which the name tells this one."""
        rows = type(self)._base_manager.filter(organization_id=self.organization_id)
        return rows.exclude(pk=self.pk)

    def clean(self) -> None:
        super().clean()
        # Two who take one name at the same time would not see each other's.
        lock_until_commit(self._meta.db_table, "names", self.organization_id)
        alike = self.beside().filter(sort_name=search_key(self.name)[:NAME_LENGTH])
        if is_taken(self.name, alike.values_list("name", flat=True)):
            raise ValidationError({"name": self.name_taken})


class Pipeline(SalesSetting):
    """A way in which deals go, from stage to stage."""

    name_taken = _("Another pipeline has this name. Choose another one.")

    class Meta:
        verbose_name = _("pipeline")
        verbose_name_plural = _("pipelines")
        indexes = [
            models.Index(fields=["organization", "position", "id"], name="pipelines_by_position"),
            models.Index(fields=["organization", "sort_name", "id"], name="pipelines_by_name"),
        ]


class Stage(SalesSetting):
    """A stage of a pipeline. A deal in one that is won or lost is closed.

    ``probability`` is in percent; a deal rots that has stood in the stage for ``rotting_days``.
    """

    named_with = ("pipeline",)
    name_taken = _("Another stage of this pipeline has this name. Choose another one.")

    pipeline = models.ForeignKey(
        Pipeline, on_delete=models.CASCADE, related_name="stages", verbose_name=_("pipeline")
    )
    kind = models.CharField(
        pgettext_lazy("of a stage", "outcome"),
        max_length=10,
        choices=StageKind,
        default=StageKind.OPEN,
    )
    probability = models.PositiveSmallIntegerField(
        _("probability, %"), default=50, validators=[MaxValueValidator(100)]
    )
    rotting_days = models.PositiveSmallIntegerField(
        _("days until a deal rots"), null=True, blank=True, validators=[MaxValueValidator(3_660)]
    )

    pipeline_id: UUID

    class Meta:
        verbose_name = pgettext_lazy("pipeline", "stage")
        verbose_name_plural = pgettext_lazy("pipeline", "stages")
        indexes = [
            models.Index(
                fields=["organization", "pipeline", "position", "id"], name="stages_of_pipeline"
            ),
            models.Index(fields=["organization", "position", "id"], name="stages_by_position"),
            models.Index(fields=["organization", "sort_name", "id"], name="stages_by_name"),
        ]

    @property
    def full_name(self) -> str:
        """Return the name with that of the pipeline, which is loaded with it."""
        return f"{self.pipeline.name}: {self.name}"

    def beside(self) -> "models.QuerySet[Any]":
        return super().beside().filter(pipeline_id=self.pipeline_id)

    def rots_at(self, since: datetime) -> datetime | None:
        """Return when a deal rots that stands in the stage since then, None for never."""
        if self.kind != StageKind.OPEN or self.rotting_days is None:
            return None
        return since + timedelta(days=self.rotting_days)

    def save(self, *args: Any, **kwargs: Any) -> None:
        closed = {StageKind.WON: 100, StageKind.LOST: 0}
        self.probability = closed.get(StageKind(self.kind), self.probability)
        super().save(*args, **kwargs)


class LostReason(SalesSetting):
    """A reason why a deal was lost, to choose from."""

    name_taken = _("Another reason has this name. Choose another one.")

    class Meta:
        verbose_name = _("reason for a loss")
        verbose_name_plural = _("reasons for losses")
        indexes = [
            models.Index(
                fields=["organization", "position", "id"], name="lost_reasons_by_position"
            ),
            models.Index(fields=["organization", "sort_name", "id"], name="lost_reasons_by_name"),
        ]
