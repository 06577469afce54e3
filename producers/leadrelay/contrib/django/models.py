"""The outbox's tables; `leadrelay.contrib.sqlalchemy.tables` declares the same."""

from __future__ import annotations

from django.db import models

from leadrelay.contrib.outbox.store import RELAY_TABLE, TABLE


class OutboxEvent(models.Model):
    """An event that is committed and not in the queue yet."""

    id = models.BigAutoField(primary_key=True)
    eid = models.CharField(max_length=128)
    lane = models.CharField(max_length=16, blank=True)
    payload = models.TextField()
    written_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """See the class."""

        db_table = TABLE
        verbose_name = "event in the outbox"
        verbose_name_plural = "events in the outbox"

    def __str__(self) -> str:
        """Show no properties."""
        return str(self.eid)


class OutboxRelay(models.Model):
    """One row: who the outbox is for the queue, and the batch that is noted; a relay locks it."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    source = models.CharField(max_length=32)
    noted = models.TextField(blank=True)

    class Meta:
        """See the class."""

        db_table = RELAY_TABLE
        verbose_name = "relay of the outbox"
        verbose_name_plural = "relays of the outbox"

    def __str__(self) -> str:
        """Show its name for the queue."""
        return str(self.source)
