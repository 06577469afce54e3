"""Nonsense by the thousand, seeded: a server must answer it, and stay as it was."""
