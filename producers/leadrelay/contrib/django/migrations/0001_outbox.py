"""The outbox's tables."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models


class Migration(migrations.Migration):
    """See the module."""

    initial = True

    dependencies: list[Any] = []

    operations = [
        migrations.CreateModel(
            name="OutboxEvent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("eid", models.CharField(max_length=128)),
                ("lane", models.CharField(blank=True, max_length=16)),
                ("payload", models.TextField()),
                ("written_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "verbose_name": "event in the outbox",
                "verbose_name_plural": "events in the outbox",
                "db_table": "leadrelay_outbox",
            },
        ),
        migrations.CreateModel(
            name="OutboxRelay",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("source", models.CharField(max_length=32)),
                ("noted", models.TextField(blank=True)),
            ],
            options={
                "verbose_name": "relay of the outbox",
                "verbose_name_plural": "relays of the outbox",
                "db_table": "leadrelay_outbox_relay",
            },
        ),
    ]
