"""`orderwright serve` with a stopwatch around the exchange: each placement's own time is written down at the end.

The stopwatch is a gateway around the real gateway, so that what is measured is the product and nothing is taken away.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import msgspec

from orderwright import bootstrap
from orderwright.cli.main import main
from orderwright.engine.outcomes import Effect, Outcome, PlaceOrder
from orderwright.exchanges.factory import GatewayFactory
from orderwright.exchanges.gateway import Gateway

TIMES: dict[str, float] = {}
"""order id -> seconds from the call to its answer."""


class TimedGateway:
    """A gateway that notes how long each placement takes, and is the one within for everything else."""

    def __init__(self, inner: Gateway) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> object:
        """Return what the gateway within has by that name."""
        return getattr(self._inner, name)

    def submit(self, effect: Effect, done: Callable[[Outcome], None]) -> None:
        """Carry out the effect and note its time, up to the answer."""
        began = time.perf_counter()

        def answered(outcome: Outcome) -> None:
            if isinstance(effect, PlaceOrder):
                TIMES[effect.order_id] = time.perf_counter() - began
            done(outcome)

        self._inner.submit(effect, answered)


class TimedFactory(GatewayFactory):
    """Makes timed gateways."""

    def make(self, *given: Any, **named: Any) -> Gateway:  # noqa: ANN401 -- whatever the factory takes
        """Return the account's gateway with a stopwatch around it."""
        return cast(Gateway, TimedGateway(super().make(*given, **named)))


if __name__ == "__main__":
    times = Path(sys.argv[1])
    sys.argv = ["orderwright", "serve", *sys.argv[2:]]
    vars(bootstrap)["GatewayFactory"] = TimedFactory
    try:
        main()
    finally:
        times.write_bytes(msgspec.json.encode(TIMES))
