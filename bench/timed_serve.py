"""`orderwright serve` with a stopwatch around the exchange: each placement's own time is written down at the end.

The stopwatch is a gateway around the real gateway, so that what is measured is the product and nothing is taken away.
"""

import sys
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path

import msgspec

from orderwright import bootstrap
from orderwright.cli.main import main
from orderwright.engine.instruments import Instrument, MarketType
from orderwright.engine.outcomes import Effect, ExchangeOrder, Outcome, PlaceOrder
from orderwright.exchanges.factory import GatewayFactory
from orderwright.exchanges.gateway import Gateway

TIMES: dict[str, float] = {}
"""order id -> seconds from the call to its answer."""


class TimedGateway:
    """A gateway that notes how long each placement takes."""

    def __init__(self, inner: Gateway) -> None:
        self._inner = inner
        self.traits = inner.traits

    def open(self) -> None:
        """Connect."""
        self._inner.open()

    def close(self) -> None:
        """Let go."""
        self._inner.close()

    def submit(self, effect: Effect, done: Callable[[Outcome], None]) -> None:
        """Carry out the effect and note its time, up to the answer."""
        began = time.perf_counter()

        def answered(outcome: Outcome) -> None:
            if isinstance(effect, PlaceOrder):
                TIMES[effect.order_id] = time.perf_counter() - began
            done(outcome)

        self._inner.submit(effect, answered)

    def instruments(self, market_type: MarketType) -> tuple[Instrument, ...]:
        """Return the markets."""
        return tuple(self._inner.instruments(market_type))

    def open_orders(self) -> tuple[ExchangeOrder, ...]:
        """Return the open orders."""
        return self._inner.open_orders()

    def balances(self) -> Mapping[str, Decimal]:
        """Return the balances."""
        return self._inner.balances()


class TimedFactory(GatewayFactory):
    """Makes timed gateways."""

    def make(
        self,
        exchange: str,
        *,
        account: str,
        url: str | None = None,
        balances: Mapping[str, Decimal] | None = None,
        profile: str | None = None,
    ) -> Gateway:
        """Return the account's gateway with a stopwatch around it."""
        return TimedGateway(super().make(exchange, account=account, url=url, balances=balances, profile=profile))


if __name__ == "__main__":
    times = Path(sys.argv[1])
    sys.argv = ["orderwright", "serve", *sys.argv[2:]]
    vars(bootstrap)["GatewayFactory"] = TimedFactory
    try:
        main()
    finally:
        times.write_bytes(msgspec.json.encode(TIMES))
