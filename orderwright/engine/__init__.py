"""The functional core: decisions as pure functions over frozen data; no clock, no I/O, no threads, no randomness."""
