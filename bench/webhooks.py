"""Durable webhooks per second, beside the bare endpoint, and one webhook fanned out to many accounts."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bench.figures import Bar, Figure, Finding, Round, compared
from bench.installation import Link, engine, install, process, temporary_folder
from bench.load import Answered, Load, LoadFailed, Sender, run_load
from bench.scale import Scale
from orderwright.eventstore.connect import LogPlace, open_log

FAN_OUT = "fan-out"

_A_THIRD = Bar(text=">= 1/3 of bare", at_least=1 / 3, is_ratio=True)
_FAN_OUT_BAR = Bar(text=">= 4 x one account", at_least=4.0, is_ratio=True)
_FAN_OUT_CONNECTIONS = 4


def measure(scale: Scale) -> Finding:
    """Return webhooks per second for many strategies with an account each, for one alone, and orders when fanned out.

    Raises:
        LoadFailed: something was not answered 2xx, or an answered webhook is not in the log.
    """
    names = [f"s{number:02}" for number in range(scale.strategies)]
    links = [Link(strategy=name, account=f"A-{name}") for name in names]
    links += [Link(strategy=FAN_OUT, account=f"F{number:03}") for number in range(scale.fan_out)]
    with temporary_folder() as folder, ExitStack() as stack:
        senders = install(folder / "data", links)
        many = tuple(senders[name] for name in names)
        served = stack.enter_context(engine(folder / "data"))
        bare = stack.enter_context(process(["bench.bare"]))
        runs = _Runs(scale, product=served.port, bare=bare.port)
        runs.warm_up(many, (senders[FAN_OUT],))
        of_many = runs.compare(many, scale.connections)
        of_one = runs.compare(many[:1], scale.connections)
        fanned = runs.fan_out(senders[FAN_OUT])
        stack.close()
        stored = _stored_signals(folder / "data")
    if stored != runs.taken:
        message = f"{runs.taken} webhooks were answered 2xx, but {stored} are in the log"
        raise LoadFailed(message)
    figures = (
        compared(
            of_many,
            name=f"durable webhooks/s, {scale.strategies} strategies with an account each",
            unit="/s",
            reference_name="bare endpoint",
            bar=_A_THIRD,
        ),
        compared(
            of_one,
            name="durable webhooks/s, one strategy alone",
            unit="/s",
            reference_name="bare endpoint",
            bar=_A_THIRD,
        ),
        _fan_out_figure(scale, fanned, of_many),
    )
    return Finding(title="Webhooks", figures=figures, note=_note(scale, runs))


class _Runs:
    """The loads of this benchmark, one after the other; `taken` are the webhooks that the product answered 2xx."""

    def __init__(self, scale: Scale, *, product: int, bare: int) -> None:
        self._scale = scale
        self._product = product
        self._bare = bare
        self.taken = 0
        self.working = 0
        self.client_shares: list[float] = []

    def warm_up(self, *groups: Sequence[Sender]) -> None:
        """Bring every actor to life, and let both servers load what they load once."""
        for senders in groups:
            self._load(self._product, senders, connections=1, seconds=60.0, most=2 * len(senders))
            self._load(self._bare, senders, connections=1, seconds=60.0, most=2 * len(senders))

    def compare(self, senders: Sequence[Sender], connections: int) -> list[Round]:
        """Return rounds of webhooks per second, the bare endpoint first."""
        rounds = []
        for _ in range(self._scale.rounds):
            bare = self._load(self._bare, senders, connections, seconds=self._scale.round_seconds)
            product = self._load(self._product, senders, connections, seconds=self._scale.round_seconds)
            self.client_shares.append(bare.cpu_share)
            rounds.append(Round(reached=product.per_second, reference=bare.per_second))
        return rounds

    def fan_out(self, sender: Sender) -> list[float]:
        """Return orders per second of each round in which every webhook goes to all accounts of one strategy."""
        seconds, connections = self._scale.round_seconds, min(_FAN_OUT_CONNECTIONS, self._scale.connections)
        loads = [self._load(self._product, (sender,), connections, seconds=seconds) for _ in range(self._scale.rounds)]
        return [answered.per_second * self._scale.fan_out for answered in loads]

    def _load(
        self, port: int, senders: Sequence[Sender], connections: int, *, seconds: float, most: int = 100_000
    ) -> Answered:
        load = Load(port=port, senders=tuple(senders), connections=connections, seconds=seconds, most=most)
        answered = run_load(load)
        if answered.taken != len(answered.answers):
            message = f"not everything was answered 2xx: {answered.statuses}"
            raise LoadFailed(message)
        if port == self._product:
            self.taken += answered.taken
            self.working += answered.statuses.get("202", 0)
        return answered


def _fan_out_figure(scale: Scale, fanned: Sequence[float], of_one_account: Sequence[Round]) -> Figure:
    orders, reference = median(fanned), median(round_.reached for round_ in of_one_account)
    return Figure(
        name=f"orders/s, one webhook fanned out to {scale.fan_out} accounts",
        unit="/s",
        reached=orders,
        reference=reference,
        reference_name="one account each",
        ratio=orders / reference,
        bar=_FAN_OUT_BAR,
    )


def _stored_signals(data: Path) -> int:
    with open_log(LogPlace(directory=data)) as log:
        return sum(event.type == "signal_received" for event in log.reader.read_all())


def _note(scale: Scale, runs: _Runs) -> str:
    share = max(runs.client_shares)
    return (
        f"Every webhook is a MARKET order that the in-process paper exchange fills; {scale.connections} kept-alive "
        f"connections (fan-out: {min(_FAN_OUT_CONNECTIONS, scale.connections)}), closed loop, from a process of its "
        f"own, both servers in turn, {scale.rounds} rounds of {scale.round_seconds:g} s, medians. "
        f"All {runs.taken:,} webhooks were answered 2xx ({runs.working:,} with 202, still working) and all are in the "
        "log, counted after the engine had stopped. "
        "The bare endpoint parses the same bodies with the product's parser into the product's Struct. "
        f"Driving the bare endpoint took the load generator at most {share:.0%} of one CPU."
    )
