"""The root of every error that Orderwright raises; each adapter keeps its own subtree beside its port."""


class OrderwrightError(Exception):
    """Base of all product errors; never raised itself."""
