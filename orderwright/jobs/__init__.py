"""Jobs: what the engine does by the clock, beside trading."""
