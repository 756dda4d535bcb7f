"""What the slow proofs have shown, gathered while they run and told once more at the end of `make prove`."""

_TOLD: list[str] = []


def tell(text: str) -> None:
    """Print what was shown, now and at the end of the run."""
    print(text)
    _TOLD.append(text)


def told() -> list[str]:
    """Return all that was told so far, in order."""
    return list(_TOLD)
