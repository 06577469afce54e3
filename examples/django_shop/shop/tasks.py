"""Background tasks, in the shop's own Celery application: `celery -A shop.tasks worker`."""

import os

from celery import Celery
from leadrelay import track_event
from leadrelay.contrib.celery import carry_context

app = Celery("shop", broker=os.environ.get("SHOP_BROKER_URL", "redis://127.0.0.1:6379/1"))
carry_context()


@app.task
def send_invoice(number: int) -> str:
    """Send an invoice."""
    return track_event("invoice_sent", order=number)
