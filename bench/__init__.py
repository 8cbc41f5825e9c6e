"""`make bench`: what the whole stack does on this machine, beside what was aimed at."""
