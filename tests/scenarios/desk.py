"""What a scenario does: declare strategies, send webhooks as a trader does, look into the exchange's own books."""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import httpx

from orderwright.exchanges.paper.records import Arrival, PaperOrder
from tests.exchanges.paper_process import PaperProcess
from tests.processes import EngineClient, wait_until

OPEN = {"NEW", "PARTIALLY_FILLED"}


class Desk:
    """Strategies and accounts of one test; `number` makes their names its own."""

    def __init__(self, client: EngineClient, exchange: PaperProcess, number: int) -> None:
        self.client = client
        self.exchange = exchange
        self._number = number
        self._strategies: list[Strategy] = []

    def name(self, short: str) -> str:
        return f"{short}{self._number}"

    def strategy(
        self,
        short: str,
        *accounts: str,
        owners: Mapping[str, str] | None = None,
        market_type: str = "FUTURES",
        profile: str | None = None,
        balances: Mapping[str, str] | None = None,
        **settings: object,
    ) -> "Strategy":
        """Declare a strategy of alice's on these accounts (`owners` names those that are not hers).

        `profile` is the exchange that the paper exchange is to be like for these accounts, `balances` what they hold
        besides USDT at first.
        """
        likeness = "" if profile is None else f'\nprofile = "{profile}"'
        owners = owners or {}
        coins = ", ".join(f'{coin} = "{total}"' for coin, total in {"USDT": "1000000", **(balances or {})}.items())
        group_name = self.name(short)
        tables = [f'[[users]]\nname = "{owner}"' for owner in ("alice", *owners.values())]
        tables += [
            f'[[accounts]]\nname = "{self.name(account)}"\nowner = "{owners.get(account, "alice")}"\n'
            f'exchange = "paper"\nurl = "{self.exchange.url}"\nbalances = {{ {coins} }}{likeness}'
            for account in accounts
        ]
        said = "".join(f"{key} = {_toml(value)}\n" for key, value in settings.items())
        tables.append(
            f'[[strategies]]\ngroup_name = "{group_name}"\nowner = "alice"\nmarket_type = "{market_type}"\n{said}'
        )
        leverage = "leverage = 2\n" if market_type == "FUTURES" else ""
        tables += [
            f'[[links]]\nstrategy = "{group_name}"\naccount = "{self.name(account)}"\n'
            f'capital = {{ USDT = "100000" }}\n{leverage}'
            for account in accounts
        ]
        tokens = self.client.apply("\n".join(dict.fromkeys(tables)))["tokens"]
        held = {row["holder"]: row["token"] for row in tokens if row["strategy"] == group_name}
        strategy = Strategy(self, group_name, tuple(map(self.name, accounts)), held)
        self._strategies.append(strategy)
        return strategy

    def placed(self, account: str) -> tuple[PaperOrder, ...]:
        """Return every order that an account ever had, from the exchange's books, oldest first."""
        books = self.exchange.served_books().books
        return next((one.orders for one in books.accounts if one.account == self.name(account)), ())

    def open(self, account: str) -> list[PaperOrder]:
        """Return an account's open orders from the exchange's books, oldest first."""
        return [order for order in self.placed(account) if order.status in OPEN]

    def arrivals(self, account: str) -> list[Arrival]:
        """Return what the exchange was asked to place and to cancel for an account, in the order of arrival."""
        books = self.exchange.served_books().books
        return [arrival for arrival in books.arrivals if arrival.account == self.name(account)]

    def clear(self) -> None:
        self.exchange.request("DELETE", "/v1/faults")
        for strategy in self._strategies:
            for account in strategy.accounts:
                self.client.operate(strategy.group_name, account, "cancel-all")


class Strategy:
    """One strategy, and its tokens by holder."""

    _ids = count(1)

    def __init__(self, desk: Desk, group_name: str, accounts: Sequence[str], tokens: Mapping[str, str]) -> None:
        self._desk = desk
        self.group_name = group_name
        self.accounts = accounts
        self.tokens = tokens

    def body(self, **fields: object) -> dict[str, Any]:
        """Return a webhook's body with the owner's token and an id of its own; None leaves a field out."""
        whole = {"group_name": self.group_name, "token": self.tokens["alice"], "id": f"w{next(self._ids)}", **fields}
        return {name: value for name, value in whole.items() if value is not None}

    def post(self, **fields: object) -> httpx.Response:
        return self._desk.client.webhook(self.body(**fields))

    def send(self, **fields: object) -> dict[str, Any]:
        """Send a webhook that is answered 200; return the reply."""
        answer = self.post(**fields)
        assert answer.status_code == httpx.codes.OK, answer.text
        reply: dict[str, Any] = answer.json()
        return reply

    def limit(self, side: str, price: object, **fields: object) -> dict[str, Any]:
        """Place a small limit order on BTC/USDT; return its only result, or the list if there are more."""
        order = {"symbol": "BTC/USDT", "order_type": "LIMIT", "side": side, "price": price, "qty": "0.01"}
        return only(self.send(**(order | fields)))

    def market(self, side: str, **fields: object) -> dict[str, Any]:
        """Trade a little BTC/USDT at the market."""
        order = {"symbol": "BTC/USDT", "order_type": "MARKET", "side": side, "qty": "0.01"}
        return only(self.send(**(order | fields)))

    def cancel_all(self, **fields: object) -> dict[str, Any]:
        return self.send(order_type="CANCEL_ALL_ORDER", **fields)

    def state(self, account: str | None = None) -> dict[str, Any]:
        """Return the engine's view of the strategy account (the only one, or the one named)."""
        return self._desk.client.strategy_account(self.group_name, account or self.accounts[0])

    def position(self, symbol: str = "BTC/USDT") -> str:
        """Return what the strategy account holds of a symbol."""
        return next((held["quantity"] for held in self.state()["positions"] if held["symbol"] == symbol), "0")

    def story(self, signal_id: str, holder: str = "alice") -> dict[str, Any]:
        """Return a signal's life as its sender is shown it."""
        answer = self._desk.client.get(f"/api/signals/{signal_id}", self.tokens[holder])
        assert answer.status_code == httpx.codes.OK, answer.text
        story: dict[str, Any] = answer.json()
        return story

    def operate(self, operation: str, **wish: str) -> dict[str, Any]:
        """Give the operator's command to the strategy account and wait for its end."""
        answer = self._desk.client.operate(self.group_name, self.accounts[0], operation, **wish)
        assert answer.status_code == httpx.codes.OK, answer.text
        done: dict[str, Any] = answer.json()
        return done

    def settled(self, signal_id: str, status: str = "success") -> dict[str, Any]:
        """Wait until the signal's only result has this status; return it."""

        def result() -> dict[str, Any] | None:
            (found,) = self.story(signal_id)["results"]
            return found if found["status"] == status else None

        settled: dict[str, Any] = wait_until(result, what=f"{signal_id} to be {status}")
        return settled


def only(reply: Mapping[str, Any]) -> dict[str, Any]:
    """Return the one result of a reply."""
    (result,) = reply["results"]
    return dict(result)


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"'
