"""The append-only log: one writer, contiguous positions, a hash chain, and readers that cannot miss anything."""
