"""Models of operations, in PostgreSQL."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.core.ids import uuid7


class StoreProbe(models.Model):
    """The row that `/health/deep` writes and reads back, one per host."""

    host = models.CharField(max_length=255, primary_key=True)
    token = models.UUIDField()
    written_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.host


class CheckKind(models.TextChoices):
    RECONCILE = "reconcile", _("Stores compared")
    AUDIT = "audit", _("Audit verified")


class CheckRun(models.Model):
    """The result of a run of ``manage.py reconcile`` or ``manage.py audit verify``.

    ``counts`` are differences by kind; ``found`` identifies the first of them by ids.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(_("kind"), max_length=10, choices=CheckKind)
    started_at = models.DateTimeField(_("began"))
    finished_at = models.DateTimeField(_("finished"))
    examined = models.BigIntegerField(_("examined"))
    differences = models.BigIntegerField(_("differences"))
    repaired = models.BigIntegerField(_("repaired"), default=0)
    counts = models.JSONField(_("differences by kind"), default=dict)
    found = models.JSONField(_("the first of them"), default=list)

    class Meta:
        verbose_name = _("check")
        verbose_name_plural = _("checks")
        indexes = [models.Index(fields=["kind", "-id"], name="checks_newest_first")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.finished_at:%Y-%m-%d %H:%M}"

    @property
    def standing(self) -> int:
        return self.differences - self.repaired
