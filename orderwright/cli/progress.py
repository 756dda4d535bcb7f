"""Progress bars on a terminal, and nothing elsewhere."""

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from orderwright.cli.output import errors


def counted() -> Progress:
    """Return a bar for work whose size is known."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal)


def uncounted() -> Progress:
    """Return a line for work whose size is unknown: what is being done, how far it is, and since when."""
    columns = (TextColumn("{task.description}"), TextColumn("{task.fields[done]}"), TimeElapsedColumn())
    return Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal)
