"""Coins are bought on a SPOT market, which takes its fee in the coin, and all that is left of them is sold."""

from orderwright.engine.instruments import MarketType
from orderwright.engine.signals import Side
from tests.simulation.scenario import Scenario, close_all, limit, market, webhook

SCENARIO = Scenario(
    name="spot_round_trip",
    links=(("test1", "A1"),),
    market_type=MarketType.SPOT,
    script=(
        webhook(1, "test1", market(Side.BUY, "0.1"), limit(Side.BUY, "0.1", "90000")),
        webhook(2, "test1", close_all()),
        webhook(25, "test1", market(Side.SELL, "0.05"), close_all()),
    ),
    steps=124,
)
