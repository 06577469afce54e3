"""What happens to lines that are not events."""


class RejectedLine(ValueError):
    """A line cannot become an event; the message says why, never what it holds."""
