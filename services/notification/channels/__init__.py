"""The ways out: one client per channel, its failures split into *try again* and *never*."""
