"""What a benchmark found: a figure beside its reference and its bar, and the table they are shown in."""

from collections.abc import Sequence
from enum import StrEnum
from statistics import median

from msgspec import Struct


class Bar(Struct, frozen=True, kw_only=True):
    """What is asked for: at least `at_least` (`ratio`: times the reference), or at most `at_most`."""

    text: str
    at_least: float | None = None
    at_most: float | None = None
    is_ratio: bool = False


class Verdict(StrEnum):
    """Whether a bar was reached."""

    REACHED = "reached"
    MISSED = "not yet"
    NONE = "no bar"


class Figure(Struct, frozen=True, kw_only=True):
    """One figure: `reached` and the `reference` (called `reference_name`) in `unit`, and the `ratio` between them."""

    name: str
    unit: str
    reached: float
    reference: float | None = None
    reference_name: str = ""
    ratio: float | None = None
    bar: Bar | None = None

    @property
    def verdict(self) -> Verdict:
        """Whether the bar was reached."""
        if self.bar is None:
            return Verdict.NONE
        value = self.ratio if self.bar.is_ratio else self.reached
        if value is None:
            return Verdict.NONE
        low, high = self.bar.at_least, self.bar.at_most
        is_reached = (low is None or value >= low) and (high is None or value <= high)
        return Verdict.REACHED if is_reached else Verdict.MISSED


class Finding(Struct, frozen=True, kw_only=True):
    """What one benchmark has to say: its figures, and in words how they came about."""

    title: str
    figures: tuple[Figure, ...]
    note: str = ""


class Round(Struct, frozen=True, kw_only=True):
    """One measurement of both sides, one right after the other."""

    reached: float
    reference: float


def compared(rounds: Sequence[Round], *, name: str, unit: str, reference_name: str, bar: Bar | None) -> Figure:
    """Return the medians of both sides over the rounds, and the median of the rounds' own ratios."""
    return Figure(
        name=name,
        unit=unit,
        reached=median(round_.reached for round_ in rounds),
        reference=median(round_.reference for round_ in rounds),
        reference_name=reference_name,
        ratio=median(round_.reached / round_.reference for round_ in rounds),
        bar=bar,
    )


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the values lie, by nearest rank."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a Markdown table whose columns also line up as plain text."""
    rows = [("what", "bar", "reached", "ratio", "reference", "")]
    rows += [
        (
            figure.name,
            figure.bar.text if figure.bar else "none",
            _quantity(figure.reached, figure.unit),
            "" if figure.ratio is None else _number(figure.ratio),
            "" if figure.reference is None else f"{_quantity(figure.reference, figure.unit)} {figure.reference_name}",
            figure.verdict.value,
        )
        for figure in figures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def missed(figures: Sequence[Figure]) -> str:
    """Return in plain words which bars were not reached."""
    if all(figure.bar is None for figure in figures):
        return "None of these has a bar."
    names = [figure.name for figure in figures if figure.verdict is Verdict.MISSED]
    return f"Bars not reached: {'; '.join(names)}." if names else "Every bar was reached."


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"


def _quantity(value: float, unit: str) -> str:
    return f"{_number(value)} {unit}" if unit else f"{value:,.0f}"


def _number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
