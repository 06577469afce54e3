"""One attempt: send, classify what came back, decide what becomes of the event."""
