"""Reads the running installation for the checks; changes nothing."""
