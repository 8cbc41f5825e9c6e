"""The fault matrix: what is broken on purpose, what must be said of it, and how often it was said."""
