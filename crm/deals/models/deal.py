"""Deals, and the ledger of their moves from stage to stage."""

from datetime import date
from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.core.ids import uuid7
from crm.core.models import BoardModel
from crm.core.models.named import NAME_LENGTH
from crm.core.money import AmountField, CurrencyField, units_of
from crm.core.permissions import Module
from crm.core.text.fields import LineField
from crm.core.versions import set_null_and_raise_version
from crm.customers.models import Company, Customer
from crm.customers.models.words import OwnedSearchedModel, SearchWord
from crm.customers.search import searched_words
from crm.deals.models.pipeline import LostReason, Pipeline, Stage, StageKind

# What deals without a day are sorted as.
NO_DAY = date(9999, 12, 31)
# A deal is open, won or lost, as the stage is in which it stands.
Status = StageKind


class Deal(OwnedSearchedModel, BoardModel):
    """A sale that may come about.

    ``pipeline`` and ``status`` are those of the stage, ``amount_base`` is the amount in the
    organization's currency; the services keep them so.
    """

    area = Module.DEALS
    version_ignores: ClassVar[frozenset[str]] = frozenset(
        {"search_text", "sort_name", "amount_base", "rots_at"}
    )

    name = LineField(pgettext_lazy("thing", "name"), max_length=NAME_LENGTH)
    pipeline = models.ForeignKey(
        Pipeline, on_delete=models.PROTECT, related_name="+", verbose_name=_("pipeline")
    )
    stage = models.ForeignKey(
        Stage,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=pgettext_lazy("pipeline", "stage"),
    )
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.OPEN)
    customer = models.ForeignKey(
        Customer,
        on_delete=set_null_and_raise_version,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("customer"),
    )
    company = models.ForeignKey(
        Company,
        on_delete=set_null_and_raise_version,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("company"),
    )
    amount = AmountField(pgettext_lazy("money", "amount"), null=True, blank=True)
    currency = CurrencyField(_("currency"))
    amount_base = AmountField(null=True, editable=False)
    amount_units = units_of("amount_base")
    expected_on = models.DateField(_("expected to close"), null=True, blank=True)
    sort_expected_on = models.GeneratedField(
        expression=Coalesce("expected_on", models.Value(NO_DAY)),
        output_field=models.DateField(),
        db_persist=True,
    )
    lost_reason = models.ForeignKey(
        LostReason,
        on_delete=set_null_and_raise_version,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("reason for the loss"),
    )
    stage_changed_at = models.DateTimeField(_("in the stage since"), default=timezone.now)
    # When an open deal has stood in its stage for too long.
    rots_at = models.DateTimeField(_("rotting"), null=True, blank=True, editable=False)
    closed_at = models.DateTimeField(
        pgettext_lazy("deal", "closed at"), null=True, blank=True, editable=False
    )

    pipeline_id: UUID
    stage_id: UUID
    customer_id: UUID | None
    company_id: UUID | None
    lost_reason_id: UUID | None

    class Meta:
        verbose_name = _("deal")
        verbose_name_plural = _("deals")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status=Status.OPEN, closed_at__isnull=True)
                | (~models.Q(status=Status.OPEN) & models.Q(closed_at__isnull=False)),
                name="deals_are_closed_at_a_time",
            )
        ]
        indexes = [
            models.Index(
                fields=["organization", "stage", "board_rank", "id"], name="deals_by_place"
            ),
            models.Index(fields=["organization", "sort_name", "id"], name="deals_by_name"),
            models.Index(fields=["organization", "owner", "id"], name="deals_of_owner"),
            models.Index(fields=["organization", "amount_units", "id"], name="deals_by_amount"),
            models.Index(fields=["organization", "sort_expected_on", "id"], name="deals_by_day"),
            models.Index(fields=["organization", "created_at", "id"], name="deals_newest_first"),
            models.Index(fields=["organization", "updated_at", "id"], name="deals_by_change"),
            models.Index(
                fields=["organization", "stage_changed_at", "id"], name="deals_by_stage_time"
            ),
            models.Index(
                fields=["organization", "status", "created_at", "id"], name="deals_of_status"
            ),
            models.Index(
                fields=["organization", "pipeline", "created_at", "id"], name="deals_of_pipeline"
            ),
            models.Index(
                fields=["organization", "customer", "created_at", "id"], name="deals_of_customer"
            ),
            models.Index(
                fields=["organization", "company", "created_at", "id"], name="deals_of_company"
            ),
            models.Index(
                fields=["organization", "closed_at", "id"],
                name="deals_by_closing",
                condition=models.Q(closed_at__isnull=False),
            ),
            models.Index(
                fields=["organization", "rots_at", "id"],
                name="deals_by_rotting",
                condition=models.Q(rots_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def searched_words(self) -> list[str]:
        return searched_words(name=self.name, email="", phone="")

    def sorted_by(self) -> str:
        return self.name

    def enter(self, stage: Stage) -> None:
        """Set the stage with all that follows from it; not saved."""
        now = timezone.now()
        if self._state.adding or self.stage_id != stage.pk:
            self.stage_changed_at = now
        self.stage, self.pipeline_id = stage, stage.pipeline_id
        self.rots_at = stage.rots_at(self.stage_changed_at)
        if self.status != stage.kind or (self.closed_at is None) != (stage.kind == Status.OPEN):
            self.status = stage.kind
            self.closed_at = None if stage.kind == Status.OPEN else now
        if self.status != Status.LOST:
            self.lost_reason_id = None

    @property
    def is_rotting(self) -> bool:
        return self.rots_at is not None and self.rots_at <= timezone.now()


class DealWord(SearchWord):
    """A search word of a deal."""

    deal = models.ForeignKey(Deal, on_delete=models.CASCADE, related_name="words")

    deal_id: UUID

    class Meta:
        verbose_name = _("search word of a deal")
        verbose_name_plural = _("search words of deals")
        indexes = [
            models.Index(fields=["organization", "word", "deal"], name="deals_by_search_word")
        ]


class DealMove(models.Model):
    """A move of a deal into a stage, with what it was worth then; the first one adds it.

    It outlasts its stages: their names and outcomes are those of the time, and an id of a stage
    may be of one that was deleted since.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        settings.ORGANIZATION_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    deal = models.ForeignKey(Deal, on_delete=models.CASCADE, related_name="moves")
    from_stage_id = models.UUIDField(null=True)
    from_name = models.CharField(max_length=NAME_LENGTH, default="")
    from_status = models.CharField(max_length=10, choices=Status, default="")
    to_stage_id = models.UUIDField()
    to_name = models.CharField(max_length=NAME_LENGTH)
    to_status = models.CharField(max_length=10, choices=Status)
    actor_name = models.CharField(max_length=NAME_LENGTH, default="")
    amount_base = AmountField(null=True)
    at = models.DateTimeField(default=timezone.now)

    organization_id: UUID
    deal_id: UUID

    class Meta:
        verbose_name = _("move of a deal")
        verbose_name_plural = _("moves of deals")
        indexes = [
            models.Index(fields=["organization", "at", "id"], name="deal_moves_by_time"),
            models.Index(fields=["organization", "deal", "-at", "-id"], name="moves_of_deal"),
        ]

    def __str__(self) -> str:
        return f"{self.deal_id} · {self.at.isoformat()}"
