"""`demo`: the whole product at work on real parts, every claim checked."""


def demo() -> None:
    """Show the whole product at work."""
