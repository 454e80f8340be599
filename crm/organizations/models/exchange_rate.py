"""Exchange rates of an organization, each valid from a day on."""

from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from crm.core.models import TenantModel
from crm.core.money import CurrencyField
from crm.core.permissions import Module


class ExchangeRate(TenantModel):
    """What one unit of a currency is worth in the organization's own one, from a day on."""

    area = Module.SETTINGS
    # One a day of eight currencies for ten years, and room beside them.
    max_rows = 30_000

    currency = CurrencyField(_("currency"))
    rate = models.DecimalField(
        _("rate"),
        max_digits=18,
        decimal_places=8,
        validators=[MinValueValidator(Decimal("0.00000001"))],
    )
    valid_from = models.DateField(_("valid from"))

    class Meta:
        verbose_name = _("exchange rate")
        verbose_name_plural = _("exchange rates")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "currency", "valid_from"], name="one_rate_of_currency_a_day"
            )
        ]
        indexes = [
            models.Index(fields=["organization", "valid_from", "id"], name="exchange_rates_by_day")
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        return f"{self.currency}, {date_format(self.valid_from)}"
