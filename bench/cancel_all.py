"""Cancel-all over ten accounts whose exchange takes its time, beside the same over one account."""

import time
from collections.abc import Sequence
from itertools import count
from typing import Any

import httpx

from bench.figures import Bar, Finding, Round, compared
from bench.installation import Link, Served, engine, install, paper_exchange, temporary_folder
from bench.load import LoadFailed, Sender
from bench.scale import Scale

_BAR = Bar(text="<= 1.3 x one account", at_most=1.3, is_ratio=True)
_ANSWERS_AFTER_MS = 100
_ORDERS = 3
_PRICES = ("50000", "51000", "52000")
_PATIENCE = 30.0


def measure(scale: Scale) -> Finding:
    """Return how long the webhook that cancels everything takes with many accounts, beside one account.

    Raises:
        LoadFailed: not everything was cancelled.
    """
    links = [Link(strategy="one", account="alone")]
    links += [Link(strategy="many", account=f"A{number:02}") for number in range(scale.cancel_accounts)]
    numbers = count()
    with temporary_folder() as folder:
        (folder / "books").mkdir()
        with paper_exchange(folder / "books") as venue:
            senders = install(folder / "data", links, exchange_url=venue.url)
            with engine(folder / "data") as served, httpx.Client(timeout=_PATIENCE, trust_env=False) as client:
                desk = _Desk(client, served, venue, numbers)
                desk.cancel(senders["one"], 1)
                desk.cancel(senders["many"], scale.cancel_accounts)
                rounds = [
                    Round(
                        reference=desk.cancel(senders["one"], 1),
                        reached=desk.cancel(senders["many"], scale.cancel_accounts),
                    )
                    for _ in range(scale.cancel_rounds)
                ]
    figure = compared(
        rounds,
        name=f"cancel-all over {scale.cancel_accounts} accounts, the exchange answers in {_ANSWERS_AFTER_MS} ms",
        unit="ms",
        reference_name="one account",
        bar=_BAR,
    )
    note = (
        f"One CANCEL_ALL_ORDER webhook, from being sent to its whole answer, with {_ORDERS} open LIMIT orders on each "
        f"account, at a paper exchange in a process of its own that delays every answer by {_ANSWERS_AFTER_MS} ms. "
        f"{scale.cancel_rounds} rounds of both in turn, medians; every order was reported as cancelled."
    )
    return Finding(title="Cancel-all", figures=(figure,), note=note)


class _Desk:
    """Places orders at an exchange that answers at once, and cancels them when it takes its time."""

    def __init__(self, client: httpx.Client, served: Served, venue: Served, numbers: "count[int]") -> None:
        self._client = client
        self._webhook = f"{served.url}/api/webhook"
        self._faults = f"{venue.url}/v1/faults"
        self._numbers = numbers

    def cancel(self, sender: Sender, accounts: int) -> float:
        """Place orders and cancel them; return the milliseconds that cancelling them took."""
        ladder = [{"order_type": "LIMIT", "side": "buy", "qty": "0.01", "price": price} for price in _PRICES]
        placed = self._send(sender, symbol="BTC/USDT", orders=ladder)
        _require(placed, "order_status", ["NEW", "OPEN"], accounts * _ORDERS)
        self._client.post(
            self._faults, json={"operation": "*", "kind": "delay_after", "delay_ms": _ANSWERS_AFTER_MS}
        ).raise_for_status()
        try:
            began = time.perf_counter()
            cancelled = self._send(sender, order_type="CANCEL_ALL_ORDER")
            seconds = time.perf_counter() - began
        finally:
            self._client.delete(self._faults).raise_for_status()
        _require(cancelled, "cancelled_orders", [_ORDERS], accounts)
        return seconds * 1_000

    def _send(self, sender: Sender, **message: object) -> list[dict[str, Any]]:
        body = {"group_name": sender.strategy, "token": sender.token, "id": str(next(self._numbers)), **message}
        answer = self._client.post(self._webhook, json=body)
        if answer.status_code != httpx.codes.OK:
            text = f"a webhook was answered {answer.status_code}: {answer.text}"
            raise LoadFailed(text)
        results: list[dict[str, Any]] = answer.json()["results"]
        return results


def _require(results: Sequence[dict[str, Any]], field: str, wanted: Sequence[object], number: int) -> None:
    fitting = [result for result in results if result.get(field) in wanted]
    if len(fitting) != number:
        message = f"{len(fitting)} of {number} results are as they should be: {results}"
        raise LoadFailed(message)
