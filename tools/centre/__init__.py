"""The far side, simulated: a test double for a closed government system, with fault switches and a journal."""
