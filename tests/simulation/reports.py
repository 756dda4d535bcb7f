"""What is printed of many runs: how far they have come, and what came of them in the end."""

from time import monotonic

from tests.proofs import tell
from tests.simulation.fleet import Tally

PROGRESS_SECONDS = 20.0


class Reporter:
    """Says now and then how far the runs have come."""

    def __init__(self, runs: int) -> None:
        self._runs = runs
        self._began = self._said = monotonic()

    def __call__(self, so_far: Tally) -> None:
        """Say it, unless it was said a moment ago."""
        now = monotonic()
        if now - self._said > PROGRESS_SECONDS:
            self._said = now
            speed = 60 * so_far.runs / (now - self._began)
            print(f"{so_far.runs:,} of {self._runs:,} runs, {so_far.failed} failed, {speed:,.0f} a minute", flush=True)


def report(title: str, tallies: dict[str, Tally]) -> Tally:
    """Tell what came of the runs by scenario, and the faults they met; return it all together."""
    whole = Tally()
    lines = [f"{title}", f"{'scenario':34} {'runs':>7} {'steps each':>10} {'a minute on a core':>19} {'failed':>6}"]
    for name, tally in tallies.items():
        whole.add(tally)
        steps = tally.steps // max(1, tally.runs - tally.failed)
        lines.append(f"{name:34} {tally.runs:7,} {steps:10} {tally.a_minute:19,.0f} {tally.failed:6}")
    lines.append(f"{'all':34} {whole.runs:7,} {'':10} {whole.a_minute:19,.0f} {whole.failed:6}")
    lines.append(f"{whole.crashes:,} crashes, {whole.take_overs:,} take-overs, and these faults:")
    lines += [f"{times:12,} {fault}" for fault, times in whole.faults.most_common()]
    tell("\n".join(lines))
    return whole
