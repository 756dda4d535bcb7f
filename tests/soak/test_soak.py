"""Hours of work in small: at half its capacity the engine takes no more memory, threads or descriptors as time passes.

`make prove` soaks it for ten minutes, or for SOAK seconds (environment); a short slice runs with every submission.
"""

import os
import time
from pathlib import Path

import pytest

from bench.flood import Flood, Flowing, Told
from bench.load import Load, Sender, run_load
from tests.processes import EngineProcess, Place, installation
from tests.proofs import tell
from tests.soak.vitals import Trend, Vitals, read_vitals, trends

STRATEGIES = 8
WARM_UP = 0.25
LOOKS = 120
SOAK = float(os.environ.get("SOAK", "600"))


@pytest.mark.slow
@pytest.mark.timeout(SOAK + 300)
def test_ten_minutes_at_half_capacity_leave_nothing_behind(open_folder: Path) -> None:
    found = soak(open_folder, SOAK)
    # What C libraries keep for themselves settles slowly; no object of Python's is left behind (tracemalloc).
    assert found["megabytes"].share < 0.06
    assert found["threads"].growth < 1
    assert found["descriptors"].growth < 1


@pytest.mark.slow
@pytest.mark.ci_slice
@pytest.mark.timeout(300)
def test_twenty_seconds_at_half_capacity_leave_little_behind(open_folder: Path) -> None:
    found = soak(open_folder, 20.0)
    # Caches still fill, and the bodies of the last half minute are remembered.
    assert found["megabytes"].share < 0.15
    assert found["threads"].growth < 3
    assert found["descriptors"].growth < 3


def soak(folder: Path, seconds: float) -> dict[str, Trend]:
    with installation(folder) as place:
        senders = declared(place)
        with EngineProcess(place).ready() as engine:
            port = int(engine.url.rpartition(":")[2])
            capacity = run_load(Load(port=port, senders=senders, connections=24, seconds=5.0)).per_second
            rate = capacity / 2
            flowing = Flowing(
                Flood(port=port, senders=senders, connections=64, seconds=seconds, rate=rate, label="ref")
            )
            vitals = watched(engine, seconds)
            told = flowing.told()
            assert engine.terminate() == 0
        found = trends(vitals[int(WARM_UP * len(vitals)) :])
        tell(f"{len(told):,} webhooks in {seconds:.0f} s, {rate:.0f}/s, half of {capacity:.0f}/s:\n{table(found)}")
        check_answers(place, told)
    return found


def declared(place: Place) -> tuple[Sender, ...]:
    lines = ['[[users]]\nname = "u"']
    for number in range(STRATEGIES):
        lines += [
            f'[[accounts]]\nname = "A{number}"\nowner = "u"\nexchange = "paper"\nbalances = {{ USDT = "1000000000" }}',
            f'[[strategies]]\ngroup_name = "s{number}"\nowner = "u"\nmarket_type = "FUTURES"',
            (
                f'[[links]]\nstrategy = "s{number}"\naccount = "A{number}"\nleverage = 2\n'
                'capital = { USDT = "100000000" }'
            ),
        ]
    tokens = place.apply("\n".join(lines))["tokens"]
    return tuple(Sender(strategy=token["strategy"], token=token["token"]) for token in tokens)


def watched(engine: EngineProcess, seconds: float) -> list[Vitals]:
    began = time.monotonic()
    vitals = []
    while (at := time.monotonic() - began) < seconds:
        vitals.append(read_vitals(engine.process.pid, at))
        time.sleep(seconds / LOOKS)
    return vitals


def check_answers(place: Place, told: list[Told]) -> None:
    bad = [each for each in told if not each.status.startswith("2")]
    assert not bad, f"{len(bad)} of {len(told)} webhooks were not taken: {bad[:3]}"
    with place.open_log() as log:
        received = sum(event.type == "signal_received" for event in log.reader.read_all())
        assert received >= len(told)
        assert not log.reader.streams(attention_only=True)


def table(found: dict[str, Trend]) -> str:
    lines = [f"{'':12} {'mean':>8} {'least':>8} {'most':>8} {'growth':>8}"]
    lines += [
        f"{name:12} {each.mean:8.1f} {each.least:8.1f} {each.most:8.1f} {each.growth:+8.2f} ({each.share:+.2%})"
        for name, each in found.items()
    ]
    return "\n".join(lines)
