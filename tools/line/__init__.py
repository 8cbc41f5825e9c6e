"""The line to the centre: a TCP proxy that can die the way a real line does, and says when it truly did."""
