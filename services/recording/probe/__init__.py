"""The second source: a process of its own that asks the centre and its surroundings whether they are there."""
