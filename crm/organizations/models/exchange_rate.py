"""Exchange rates of an organization, each valid from a day on."""

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.core.models import TenantModel
from crm.core.money import CurrencyField, shown_number
from crm.core.permissions import Module
from crm.organizations.models.organization import Organization


class ExchangeRate(TenantModel):
    """What one unit of a currency is worth in the organization's own one, from a day on.

    ``base`` is the organization's own currency when the rate was added: no rate is one to another.
    """

    area = Module.SETTINGS
    # One a day of eight currencies for ten years, and room beside them.
    max_rows = 30_000

    base = CurrencyField(editable=False)
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
                fields=["organization", "currency", "valid_from"],
                name="one_rate_of_currency_a_day",
                violation_error_message=_("There is a rate of this currency for this day already."),
            )
        ]
        indexes = [
            models.Index(fields=["organization", "valid_from", "id"], name="exchange_rates_by_day")
        ]

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.base = self.base or self._own_currency()
        super().save(*args, **kwargs)

    def _own_currency(self) -> str:
        currencies = Organization.objects.values_list("currency", flat=True)
        return str(currencies.get(pk=self.organization_id))

    def clean(self) -> None:
        own = self._own_currency()
        if (self.base or own) != own:
            raise ValidationError(_("This is a rate to another currency than the present one."))
        if self.currency == own:
            text = _("Choose another currency: this is the organization's own.")
            raise ValidationError({"currency": text})

    @property
    def title(self) -> str:
        return f"1 {self.currency} = {shown_number(Decimal(self.rate))} {self.base}"
