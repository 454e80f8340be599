"""The audit: chained entries, their erasable values, signatures; legal holds.

Django does not manage the tables of the audit itself: migration 0001 creates them, and
`crm.compliance.database` the functions that alone write them.
"""

from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.compliance.managers import (
    AuditEntryQuerySet,
    AuditValuesQuerySet,
    LegalHoldQuerySet,
)
from crm.core.ids import uuid7
from crm.core.text.fields import ShortProseField
from crm.organizations.models import Organization

# The chain of what belongs to no organization: refused log-ins of unknown people, operators' work.
INSTALLATION = UUID(int=0)


class ActorKind(models.TextChoices):
    USER = "user", pgettext_lazy("actor", "Person")
    KEY = "key", pgettext_lazy("actor", "API key")
    VISITOR = "visitor", pgettext_lazy("actor", "Visitor")
    SYSTEM = "system", pgettext_lazy("actor", "System")
    DATABASE = "database", pgettext_lazy("actor", "Database")
    NOBODY = "nobody", pgettext_lazy("actor", "Nobody known")


class AuditEntry(models.Model):
    """One event, as a link of its organization's chain.

    ``details`` holds ``changes`` ({column: [before, after]}) and ``fields`` (columns whose values
    are in `AuditValues`). ``at`` is strictly later than that of the previous link, so it orders and
    identifies an entry of a chain.
    """

    id = models.UUIDField(primary_key=True)
    organization_id = models.UUIDField(_("organization"))
    seq = models.BigIntegerField(_("number"))
    at = models.DateTimeField(_("time"))
    actor_kind = models.CharField(_("kind of actor"), max_length=10, choices=ActorKind)
    actor_id = models.CharField(_("actor"), max_length=64)
    action = models.CharField(_("action"), max_length=60)
    object_type = models.CharField(_("kind of object"), max_length=40)
    object_id = models.CharField(_("object"), max_length=64)
    details = models.JSONField(_("details"))
    correlation_id = models.CharField(_("correlation id"), max_length=64)
    data_hash = models.BinaryField(null=True)
    address_hash = models.BinaryField(null=True)
    prev_hash = models.BinaryField()
    hash = models.BinaryField()

    objects: ClassVar[AuditEntryQuerySet] = AuditEntryQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        managed = False
        db_table = "compliance_auditentry"
        ordering = ["-at", "-id"]
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")

    def __str__(self) -> str:
        return f"{self.seq} · {self.action}"


class AuditValues(models.Model):
    """Personal values of an entry, stored beside the chain so that they can be erased.

    The chain holds ``sha256(salt + value)``. ``subject`` (``customer:<id>``) is the person of
    ``data`` ({column: [before, after]}); the address is the actor's. The ``…_erased_seq`` fields
    are the seq of the erasure's entry.
    """

    # Django takes one column for the key; the table's own is the organization and the time.
    at = models.DateTimeField(primary_key=True)
    organization_id = models.UUIDField()
    subject = models.CharField(max_length=100, null=True)  # noqa: DJ001  as the table has it
    data: Any = models.JSONField(null=True)
    data_salt = models.BinaryField(null=True)
    data_erased_seq = models.BigIntegerField(null=True)
    actor_id = models.CharField(max_length=64)
    address = models.CharField(max_length=64, null=True)  # noqa: DJ001  as the table has it
    address_salt = models.BinaryField(null=True)
    address_erased_seq = models.BigIntegerField(null=True)

    objects: ClassVar[AuditValuesQuerySet] = AuditValuesQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        managed = False
        db_table = "compliance_auditvalues"
        verbose_name = _("values of an audit entry")
        verbose_name_plural = _("values of audit entries")

    def __str__(self) -> str:
        return f"{self.organization_id} · {self.at}"


class AuditSignature(models.Model):
    """The end of a chain at some time, signed with a key that is not in the database.

    ``is_start``: entries up to here were dropped after ten years; verification starts here.
    """

    id = models.UUIDField(primary_key=True)
    organization_id = models.UUIDField()
    seq = models.BigIntegerField()
    at = models.DateTimeField()
    entry_hash = models.BinaryField()
    is_start = models.BooleanField()
    key_id = models.CharField(max_length=40)
    mac = models.BinaryField()
    sealed_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "compliance_auditsignature"
        verbose_name = _("seal of the audit")
        verbose_name_plural = _("seals of the audit")

    def __str__(self) -> str:
        return f"{self.organization_id} · {self.seq}"


class LegalHold(models.Model):
    """A legal hold: its data is not erased or dropped until the hold is lifted.

    ``subject`` is as in `AuditValues`; empty means the whole organization. A subject with several
    holds is retained until the last one is lifted.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="legal_holds"
    )
    subject = models.CharField(_("subject"), max_length=100, blank=True)
    reason = ShortProseField(_("reason"), max_length=500)
    placed_at = models.DateTimeField(_("placed"), default=timezone.now, editable=False)
    placed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    lifted_at = models.DateTimeField(_("lifted"), null=True, blank=True, editable=False)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    lift_reason = ShortProseField(_("reason to lift"), max_length=500, blank=True)

    objects: ClassVar[LegalHoldQuerySet] = LegalHoldQuerySet.as_manager()  # type: ignore[assignment]

    organization_id: UUID

    class Meta:
        verbose_name = _("legal hold")
        verbose_name_plural = _("legal holds")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "subject", "reason"],
                condition=models.Q(lifted_at__isnull=True),
                name="one_hold_per_subject_and_reason",
            )
        ]

    def __str__(self) -> str:
        return f"{self.organization_id} · {self.subject or '*'}"
