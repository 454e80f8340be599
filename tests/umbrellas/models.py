"""Umbrellas that the office lends."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.core.models import OwnedModel
from crm.core.permissions import Module
from crm.core.text.fields import LineField, ProseField
from crm.core.text.normalization import search_key
from crm.core.versions import set_null_and_raise_version
from crm.customers.models import Customer


class Color(models.TextChoices):
    BLACK = "black", "Black"
    YELLOW = "yellow", "Yellow"


class Umbrella(OwnedModel):
    area = Module.CUSTOMERS

    name = LineField(_("name"), max_length=100)
    # The folded name, by which lists are sorted and searched.
    sort_name = models.CharField(max_length=100, default="", editable=False, db_collation="C")
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
    note = ProseField("note", max_length=2_000, blank=True)

    class Meta:
        verbose_name = "umbrella"
        verbose_name_plural = "umbrellas"
        indexes = [
            models.Index(fields=["organization", "sort_name", "id"], name="umbrellas_by_name"),
            models.Index(fields=["organization", "updated_at", "id"], name="umbrellas_by_change"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.sort_name = search_key(self.name)[:100]
        super().save(*args, **kwargs)
