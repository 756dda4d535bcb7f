"""What the paper exchange lists and charges by default, and the prices that its markets start from (quote units)."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from orderwright.engine.instruments import Instrument, MarketType
from orderwright.exchanges.paper.conditions import Conditions
from orderwright.exchanges.paper.profiles import PROFILES, Profile

START_PRICES = {
    "BTC/USDT": Decimal(100_000),
    "ETH/USDT": Decimal(4_000),
    "SOL/USDT": Decimal(200),
    "XRP/USDT": Decimal("2.5"),
    "BTC/KRW": Decimal(140_000_000),
    "ETH/KRW": Decimal(5_600_000),
    "XRP/KRW": Decimal(3_500),
}


def _market(market_type: MarketType, symbol: str, step: str, tick: str, min_notional: str) -> Instrument:
    base, _, quote = symbol.partition("/")
    return Instrument(
        symbol=symbol,
        market_type=market_type,
        base=base,
        quote=quote,
        step=Decimal(step),
        tick=Decimal(tick),
        min_amount=Decimal(step),
        min_notional=Decimal(min_notional),
    )


DEFAULT_MARKETS = (
    _market(MarketType.SPOT, "BTC/USDT", "0.00001", "0.01", "5"),
    _market(MarketType.SPOT, "ETH/USDT", "0.0001", "0.01", "5"),
    _market(MarketType.SPOT, "SOL/USDT", "0.001", "0.01", "5"),
    _market(MarketType.SPOT, "XRP/USDT", "0.1", "0.0001", "5"),
    _market(MarketType.SPOT, "BTC/KRW", "0.00000001", "1000", "5000"),
    _market(MarketType.SPOT, "ETH/KRW", "0.00000001", "1000", "5000"),
    _market(MarketType.SPOT, "XRP/KRW", "0.00000001", "1", "5000"),
    _market(MarketType.FUTURES, "BTC/USDT", "0.001", "0.1", "5"),
    _market(MarketType.FUTURES, "ETH/USDT", "0.001", "0.01", "5"),
    _market(MarketType.FUTURES, "SOL/USDT", "0.01", "0.01", "5"),
    _market(MarketType.FUTURES, "XRP/USDT", "0.1", "0.0001", "5"),
)


class Fees(Struct, frozen=True, kw_only=True):
    """Fee rates as fractions of what was traded; taken in quote currency, or for spot buys in base if so wanted."""

    taker: Decimal = Decimal("0.001")
    maker: Decimal = Decimal("0.001")
    spot_buys_in_base: bool = False

    @property
    def highest(self) -> Decimal:
        """The rate that a resting order must be able to pay."""
        return max(self.taker, self.maker)


class Venue(Struct, frozen=True, kw_only=True):
    """The terms of trade: markets, fees, futures leverage, conditions at the start, profiles that accounts can have.

    `leverage` is for accounts that ask for none, `most_leverage` what they can ask for.
    """

    markets: tuple[Instrument, ...] = DEFAULT_MARKETS
    fees: Fees = Fees()
    leverage: Decimal = Decimal(20)
    most_leverage: Decimal = Decimal(125)
    conditions: Conditions = Conditions()
    profiles: Mapping[str, Profile] = PROFILES
