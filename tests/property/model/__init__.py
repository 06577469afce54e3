"""The model of the queue, in parts: what it knows, the moves that it makes, and what must hold after each."""
