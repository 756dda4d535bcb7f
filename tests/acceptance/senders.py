"""Webhooks as TradingView sends them: again, with the same id, after a 5xx or when the connection broke."""

import json
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Any

import httpx
from msgspec import Struct

_AGAIN_AFTER = 0.25
_PATIENCE = 3.0


class Attempt(Struct, kw_only=True):
    """One sending: when it began and ended (monotonic seconds), the status if there was an answer, and the answer."""

    began: float
    ended: float | None = None
    status: int | None = None
    reply: dict[str, Any] | None = None


class Webhook:
    """One message and all its sendings. TradingView gives up after a while; `gives_up` after the first one."""

    def __init__(self, key: str, body: Mapping[str, Any], *, gives_up: bool) -> None:
        self.key = key
        self.body = json.dumps({"id": key, **body}).encode()
        self.gives_up = gives_up
        self.attempts: list[Attempt] = []

    @property
    def replies(self) -> list[dict[str, Any]]:
        """The answers that said it was stored, in order."""
        return [each.reply for each in self.attempts if each.reply is not None]

    @property
    def refusals(self) -> list[int]:
        """The statuses that say: do not send this again."""
        return [each.status for each in self.attempts if each.status is not None and 400 <= each.status < 500]

    def was_under_way(self, moment: float) -> bool:
        """Whether an engine had it, or was about to get it, and had not answered at that moment."""
        return any(each.began <= moment and (each.ended is None or each.ended >= moment) for each in self.attempts)

    def send(self, client: httpx.Client, url: str) -> bool:
        """Send it once to the engine at `url`; return whether it need not be sent again."""
        attempt = Attempt(began=time.monotonic())
        self.attempts.append(attempt)
        try:
            answer = client.post(f"{url}/api/webhook", content=self.body)
        except httpx.TransportError:
            return self.gives_up
        finally:
            attempt.ended = time.monotonic()
        attempt.status = answer.status_code
        if answer.is_success:
            attempt.reply = answer.json()
        return self.gives_up or answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR


class Burst:
    """Several senders at once, each with its own webhooks; they go on until every one is answered or given up.

    `url` is where the engine is, and may be changed while they send.
    """

    def __init__(self, url: str, lanes: Iterable[Sequence[Webhook]]) -> None:
        self.url = url
        self._is_over = threading.Event()
        self.lanes = [list(lane) for lane in lanes]
        self._threads = [threading.Thread(target=self._send, args=(lane,), daemon=True) for lane in self.lanes]

    @property
    def webhooks(self) -> list[Webhook]:
        return [webhook for lane in self.lanes for webhook in lane]

    @property
    def is_over(self) -> bool:
        return not any(thread.is_alive() for thread in self._threads)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def finish(self, within: float) -> bool:
        """Wait for the last answer; return whether all senders are done."""
        ends = time.monotonic() + within
        for thread in self._threads:
            thread.join(max(0.0, ends - time.monotonic()))
        return self.is_over

    def stop(self) -> None:
        """Send nothing more."""
        self._is_over.set()
        self.finish(2 * _PATIENCE)

    def _send(self, lane: Sequence[Webhook]) -> None:
        with httpx.Client(timeout=_PATIENCE, trust_env=False) as client:
            for webhook in lane:
                while not webhook.send(client, self.url):
                    if self._is_over.wait(_AGAIN_AFTER):
                        return


def bodies(random: Random, strategy: str, token: str, count: int) -> Iterable[dict[str, Any]]:
    """Yield what a restless trader sends: ladders, market orders, batches with cancels, closes."""
    for _ in range(count):
        symbol = random.choice(("BTC/USDT", "BTC/USDT", "ETH/USDT"))
        head = {"group_name": strategy, "token": token, "symbol": symbol}
        yield {**head, **random.choice(_KINDS)(random, symbol)}


def _price(random: Random, symbol: str, side: str, *, away: bool) -> str:
    market = 100_000 if symbol == "BTC/USDT" else 4_000
    part = random.randint(30, 90) if away else -random.randint(1, 20)
    return str(market * (1_000 - part if side == "buy" else 1_000 + part) // 1_000)


def _limit(random: Random, symbol: str) -> dict[str, Any]:
    side = random.choice(("buy", "buy", "sell"))
    price = _price(random, symbol, side, away=random.random() < 0.8)
    return {"order_type": "LIMIT", "side": side, "price": price, "qty": f"0.0{random.randint(10, 40)}"}


def _market(random: Random, _symbol: str) -> dict[str, Any]:
    side = random.choice(("buy", "buy", "sell"))
    return {"order_type": "MARKET", "side": side, "qty": f"0.0{random.randint(10, 40)}"}


def _close(_random: Random, _symbol: str) -> dict[str, Any]:
    return {"order_type": "MARKET", "qty_per": "-100"}


def _cancel_all(_random: Random, _symbol: str) -> dict[str, Any]:
    return {"order_type": "CANCEL_ALL_ORDER"}


def _ladder(random: Random, symbol: str) -> dict[str, Any]:
    rungs = [_limit(random, symbol) for _ in range(random.randint(2, 4))]
    return {"orders": [{"order_type": "CANCEL_ALL_ORDER", "symbol": symbol}, *rungs]}


def _turn(random: Random, symbol: str) -> dict[str, Any]:
    return {"orders": [_limit(random, symbol), {"order_type": "CANCEL_ALL_ORDER"}, _market(random, symbol)]}


def _stop(random: Random, symbol: str) -> dict[str, Any]:
    # A buy waits for a rise, a sell for a fall: the other way round from where limit orders wait.
    side = random.choice(("buy", "sell"))
    waits_at = _price(random, symbol, "sell" if side == "buy" else "buy", away=True)
    stop = {"order_type": "STOP_MARKET", "side": side, "stop_price": waits_at, "qty": f"0.0{random.randint(10, 40)}"}
    return stop if random.random() < 0.6 else {**stop, "order_type": "STOP_LIMIT", "price": waits_at}


_KINDS = (_stop, _limit, _limit, _limit, _market, _market, _close, _cancel_all, _ladder, _ladder, _turn)
