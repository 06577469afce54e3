"""Importing files of events."""
