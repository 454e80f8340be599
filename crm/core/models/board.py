"""The base of models whose rows are cards of a board."""

from typing import Any

from django.db import models

from crm.core.text.ranks import RANK_LENGTH, new_rank


class BoardModel(models.Model):
    """A row with a place in its column. Boards need an index on (organization, the column's field,
    board_rank, id).
    """

    board_rank = models.CharField(
        max_length=RANK_LENGTH, default=new_rank, editable=False, db_collation="C"
    )

    objects: Any

    class Meta:
        abstract = True
