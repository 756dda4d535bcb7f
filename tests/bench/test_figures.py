"""What the benchmarks say about their figures, and how runs are kept."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.figures import Bar, Figure, Finding, Round, Verdict, compared, missed, percentile, table
from bench.load import Sender, webhooks
from bench.results import Run, record

TWICE = Bar(text=">= 2 x other", at_least=2.0, is_ratio=True)


def run_of(minute: int) -> Run:
    figure = Figure(name="figure", unit="/s", reached=minute)
    return Run(
        at=datetime(2030, 1, 1, 0, minute, tzinfo=UTC),
        machine="a machine",
        seconds=1.0,
        findings=(Finding(title="Finding", figures=(figure,), note="How it came about."),),
    )


def test_a_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    rounds = [Round(reached=10, reference=5), Round(reached=90, reference=30), Round(reached=8, reference=8)]
    figure = compared(rounds, name="speed", unit="/s", reference_name="other", bar=TWICE)
    assert (figure.reached, figure.reference, figure.ratio) == (10, 8, 2)
    assert figure.verdict is Verdict.REACHED


@pytest.mark.parametrize(("reached", "verdict"), [(4.9, Verdict.REACHED), (5.1, Verdict.MISSED)])
def test_a_bar_on_the_figure_itself_looks_at_no_ratio(reached: float, verdict: Verdict) -> None:
    bar = Bar(text="<= 5 ms", at_most=5.0)
    assert Figure(name="latency", unit="ms", reached=reached, ratio=100.0, bar=bar).verdict is verdict


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1.0)) == (51.0, 100.0, 100.0)


def test_the_table_shows_both_sides() -> None:
    shown = table(
        [compared([Round(reached=1234, reference=1000)], name="speed", unit="/s", reference_name="x", bar=TWICE)]
    )
    assert "1,234 /s" in shown
    assert "1,000 /s x" in shown
    assert "not yet" in shown


def test_bars_that_were_not_reached_are_said_in_plain_words() -> None:
    low = Figure(name="low", unit="/s", reached=1.0, bar=Bar(text=">= 2 /s", at_least=2.0))
    high = Figure(name="high", unit="/s", reached=3.0, bar=Bar(text=">= 2 /s", at_least=2.0))
    free = Figure(name="free", unit="/s", reached=3.0)
    assert missed([low, high, free]) == "Bars not reached: low."
    assert missed([high, free]) == "Every bar was reached."
    assert missed([free]) == "None of these has a bar."


def test_the_newest_run_is_on_top_and_only_a_few_stay(tmp_path: Path) -> None:
    file = tmp_path / "RESULTS.md"
    for minute in range(7):
        record(run_of(minute), file)
    headings = [line for line in file.read_text().splitlines() if line.startswith("## ")]
    assert headings == [f"## Run of 2030-01-01 00:0{minute} UTC" for minute in (6, 5, 4, 3, 2)]


def test_no_two_webhooks_of_a_load_are_the_same() -> None:
    source = webhooks((Sender(strategy="s", token="t"), Sender(strategy="u", token="v")))
    sent = [next(source) for _ in range(50)]
    assert len(set(sent)) == 50
