"""Orderwright turns trading signals into orders, exactly once, and keeps every decision in a log."""

__version__ = "0.1.0"
