"""Writes what others may lean on, from the code: events, topics and HTTP interfaces (docs/contracts)."""
