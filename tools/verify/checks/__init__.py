"""Pure checks of the invariants of ARCHITECTURE §8 over what was gathered."""
