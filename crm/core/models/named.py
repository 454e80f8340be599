"""The base of models whose rows are called by a name."""

from typing import Any

from django.db import models
from django.utils.translation import pgettext_lazy

from crm.core.text.fields import LineField
from crm.core.text.folding import search_key

NAME_LENGTH = 255


class NamedModel(models.Model):
    """A row with a name, and its folded form, by which lists are sorted and searched; lists need an
    index on (organization, sort_name, id).
    """

    name = LineField(pgettext_lazy("thing", "name"), max_length=NAME_LENGTH)
    sort_name = models.CharField(
        max_length=NAME_LENGTH, default="", editable=False, db_collation="C"
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.sort_name = search_key(self.name)[:NAME_LENGTH]
        if (fields := kwargs.get("update_fields")) is not None:
            kwargs["update_fields"] = {*fields, "sort_name"}
        super().save(*args, **kwargs)
