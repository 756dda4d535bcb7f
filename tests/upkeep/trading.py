"""What most tests of upkeep begin with: an installation whose one strategy trades on the built-in paper exchange."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from msgspec import Struct

from tests.processes import EngineClient, EngineProcess, Place, installation

QUIET = '[logging]\nlevel = "WARNING"\n'

_NUMBERS = count(1)


class Trader(Struct, frozen=True, kw_only=True):
    """Sends webhooks to the strategy `test1`, which trades on the account `A1`."""

    token: str

    def order(self, client: EngineClient, **fields: object) -> httpx.Response:
        """Send a small LIMIT order far from the market, or what is said to differ."""
        body: dict[str, Any] = {
            "group_name": "test1",
            "token": self.token,
            "id": f"w{next(_NUMBERS)}",
            "symbol": "BTC/USDT",
            "order_type": "LIMIT",
            "side": "buy",
            "price": 10_000,
            "qty": "0.01",
        }
        return client.webhook(body | fields)

    def placed(self, client: EngineClient, **fields: object) -> dict[str, Any]:
        """Send an order that succeeds; return its result."""
        answer = self.order(client, **fields)
        assert answer.status_code == httpx.codes.OK, answer.text
        result: dict[str, Any] = answer.json()["results"][0]
        assert result["status"] == "success", result
        return result


def declaration(url: str | None = None) -> str:
    """Return the strategy, its account and its capital; with a URL the paper exchange is a process of its own."""
    where = "" if url is None else f'url = "{url}"\n'
    return f"""
[[users]]
name = "alice"
[[accounts]]
name = "A1"
owner = "alice"
exchange = "paper"
{where}balances = {{ USDT = "1000000" }}
[[strategies]]
group_name = "test1"
owner = "alice"
market_type = "FUTURES"
[[links]]
strategy = "test1"
account = "A1"
capital = {{ USDT = "900000" }}
leverage = 2
"""


def trader_on(place: Place, *, url: str | None = None) -> Trader:
    """Declare the strategy and return whoever may trade on it."""
    return Trader(token=place.apply(declaration(url))["tokens"][0]["token"])


@contextmanager
def trading(parent: Path, config: str = QUIET) -> Iterator[tuple[Place, Trader]]:
    """Set up an installation with the strategy declared; no engine runs."""
    with installation(parent, config) as place:
        yield place, trader_on(place)


@contextmanager
def engine_on(place: Place) -> Iterator[tuple[EngineProcess, EngineClient]]:
    """Run an engine that takes webhooks."""
    with EngineProcess(place) as engine, engine.ready().client() as client:
        yield engine, client
