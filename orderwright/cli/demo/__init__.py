"""`demo`: the product at work on real parts, each claim checked against the exchange's own books or the log."""

from orderwright.cli.demo.command import demo as demo
