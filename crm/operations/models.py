"""What operations keep in PostgreSQL."""

from django.db import models


class StoreProbe(models.Model):
    """The row that `/health/deep` writes and reads back, one for each host that asks."""

    host = models.CharField(max_length=255, primary_key=True)
    token = models.UUIDField()
    written_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.host
