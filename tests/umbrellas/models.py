"""Umbrellas that the office lends."""

from django.db import models

from crm.core.models import BoardModel, NamedModel, OwnedModel
from crm.core.money import AmountField, CurrencyField, units_of
from crm.core.permissions import Module
from crm.core.text.fields import ProseField
from crm.core.versions import set_null_and_raise_version
from crm.customers.models import Customer


class Color(models.TextChoices):
    BLACK = "black", "Black"
    YELLOW = "yellow", "Yellow"


class Currency(models.TextChoices):
    EUR = "EUR", "Euro"
    VND = "VND", "Dong"


class Umbrella(NamedModel, OwnedModel, BoardModel):
    area = Module.CUSTOMERS

    color = models.CharField("color", max_length=20, choices=Color, default=Color.BLACK)
    ribs = models.PositiveSmallIntegerField("ribs", default=8)
    is_lent = models.BooleanField("lent", default=False)
    lent_to = models.ForeignKey(
        Customer,
        on_delete=set_null_and_raise_version,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="lent to",
    )
    bought_on = models.DateField("bought on", null=True, blank=True)
    price = AmountField("price", null=True, blank=True)
    currency = CurrencyField("currency", choices=Currency, default=Currency.EUR)
    price_units = units_of("price")
    note = ProseField("note", max_length=2_000, blank=True)

    class Meta:
        verbose_name = "umbrella"
        verbose_name_plural = "umbrellas"
        indexes = [
            models.Index(fields=["organization", "sort_name", "id"], name="umbrellas_by_name"),
            models.Index(fields=["organization", "updated_at", "id"], name="umbrellas_by_change"),
            models.Index(fields=["organization", "price_units", "id"], name="umbrellas_by_price"),
            models.Index(fields=["organization", "owner", "id"], name="umbrellas_of_owner"),
            models.Index(
                fields=["organization", "color", "board_rank", "id"], name="umbrellas_by_place"
            ),
        ]
