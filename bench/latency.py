"""What the engine adds to an order's time at 50 webhooks a second: everything but the exchange's own time."""

from statistics import median

import msgspec

from bench.figures import Bar, Figure, Finding, percentile
from bench.installation import Link, Served, engine, install, process, temporary_folder
from bench.load import Answered, Load, LoadFailed, Sender, run_load
from bench.scale import Scale

_RATE = 50.0
_CONNECTIONS = 16
_MILLISECONDS = 1_000
_HALF = Bar(text="p50 <= 5 ms", at_most=5.0)
_TAIL = Bar(text="p99 <= 20 ms", at_most=20.0)


def measure(scale: Scale) -> Finding:
    """Return the latency that is added at 50 webhooks a second, beside the bare endpoint's whole latency.

    Raises:
        LoadFailed: a webhook was not answered 200 with its order.
    """
    links = [Link(strategy=f"s{number:02}", account=f"A{number:02}") for number in range(scale.strategies)]
    with temporary_folder() as folder:
        senders = tuple(install(folder / "data", links).values())
        with engine(folder / "data", exchange_times=folder / "times.json") as served, process(["bench.bare"]) as bare:
            _warm_up(served, bare, senders)
            reference = _open_loop(bare.port, senders, scale.latency_seconds)
            answered = _open_loop(served.port, senders, scale.latency_seconds)
        exchange = msgspec.json.decode((folder / "times.json").read_bytes(), type=dict[str, float])
    totals = [answer.seconds for answer in answered.answers]
    placements = [exchange[answer.order_id] for answer in answered.answers if answer.order_id is not None]
    if len(placements) != len(totals):
        message = f"{len(totals) - len(placements)} webhooks were answered without an order"
        raise LoadFailed(message)
    added = [total - placement for total, placement in zip(totals, placements, strict=True)]
    bare_totals = [answer.seconds for answer in reference.answers]
    figures = (
        _figure("added latency at 50 webhooks/s, p50", 0.5, added, bare_totals, _HALF),
        _figure("added latency at 50 webhooks/s, p99", 0.99, added, bare_totals, _TAIL),
    )
    return Finding(title="Latency", figures=figures, note=_note(totals, placements))


def _warm_up(served: Served, bare: Served, senders: tuple[Sender, ...]) -> None:
    for port in (served.port, bare.port):
        run_load(Load(port=port, senders=senders, connections=1, seconds=60.0, most=4 * len(senders)))


def _open_loop(port: int, senders: tuple[Sender, ...], seconds: float) -> Answered:
    answered = run_load(Load(port=port, senders=senders, connections=_CONNECTIONS, seconds=seconds, rate=_RATE))
    if set(answered.statuses) != {"200"}:
        message = f"not everything was answered 200: {answered.statuses}"
        raise LoadFailed(message)
    return answered


def _figure(name: str, share: float, added: list[float], bare: list[float], bar: Bar) -> Figure:
    reached, reference = percentile(added, share) * _MILLISECONDS, percentile(bare, share) * _MILLISECONDS
    return Figure(
        name=name,
        unit="ms",
        reached=reached,
        reference=reference,
        reference_name="bare endpoint, whole",
        ratio=reached / reference,
        bar=bar,
    )


def _note(totals: list[float], placements: list[float]) -> str:
    whole = ", ".join(f"p{share * 100:g} {percentile(totals, share) * _MILLISECONDS:.2f} ms" for share in (0.5, 0.99))
    return (
        f"Open loop, {len(totals)} MARKET orders: each is timed from the moment it was due to be sent until its whole "
        f"answer was read. Whole latency: {whole}. "
        "The exchange's own time is measured for each order by a stopwatch around the in-process paper gateway, from "
        "the call to its answer (the engine runs as always otherwise), and taken off that order's latency: "
        f"median {median(placements) * _MILLISECONDS:.2f} ms, longest {max(placements) * _MILLISECONDS:.2f} ms."
    )
