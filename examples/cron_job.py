"""A nightly job, such as `15 3 * * * python cron_job.py invoices.csv` in a crontab: an event for each overdue invoice.

Running it again, by hand or after a restart, makes no event twice: the key says what an event tells of.
"""

import csv
import sys
from pathlib import Path

import leadrelay


def main(path: Path) -> None:
    """Track each line of a file with the columns invoice, customer, amount and due."""
    with path.open(newline="") as lines, leadrelay.context(job="overdue"):
        events = [
            {
                "ti": "invoice_overdue",
                "userId": row["customer"],
                "amount": row["amount"],
                "invoice": row["invoice"],
                "idempotency_key": f"overdue {row['invoice']} {row['due']}",
            }
            for row in csv.DictReader(lines)
        ]
        print(f"{len(leadrelay.track_many(events))} overdue")  # noqa: T201 - cron mails what is printed


if __name__ == "__main__":
    main(Path(sys.argv[1]))
