"""`GET /api/v1/orders`, `/positions`, `/trades`, `/signals`, `/balances`: the read models as filtered, paged lists."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import falcon
import msgspec
from msgspec import Struct

from orderwright.actors.switchboard import Switchboard
from orderwright.eventstore.store import EventStoreError
from orderwright.http.admission import administrator
from orderwright.http.list_parameters import next_token, read_question
from orderwright.http.list_replies import balances, orders, positions, signals, trades
from orderwright.http.problems import refusal
from orderwright.readmodels.listing import (
    BALANCE_LIST,
    ORDER_LIST,
    POSITION_LIST,
    SIGNAL_LIST,
    TRADE_LIST,
    Listing,
)
from orderwright.readmodels.read_models import ReadModels

RowT = TypeVar("RowT", bound=Struct)


class ListedRows(Generic[RowT]):
    """One list, for administrators only, under its name in the answer.

    Beside the rows stand `next`, to be sent back for the page that follows (null: this is the last), and `position`:
    every event of the log up to there is in the rows.
    """

    def __init__(
        self,
        switchboard: Switchboard,
        read_models: ReadModels,
        name: str,
        listing: Listing[RowT],
        show: Callable[[ReadModels, Sequence[RowT]], Sequence[Struct]],
    ) -> None:
        self._switchboard = switchboard
        self._read_models = read_models
        self._name = name
        self._listing = listing
        self._show = show

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer with a page of the list."""
        administrator(self._switchboard.catalogue(), req)
        question = read_question(self._name, self._listing, req.params)
        try:
            answer, position = self._read_models.ask(self._listing, question)
            shown = self._show(self._read_models, answer.rows)
        except EventStoreError as exc:
            raise refusal("store_unavailable") from exc
        body: dict[str, object] = {self._name: shown, "next": next_token(self._name, answer.next)}
        resp.data = msgspec.json.encode(body if position is None else body | {"position": position})


class ReadModelLists:
    """The resources of all lists."""

    def __init__(self, switchboard: Switchboard, read_models: ReadModels) -> None:
        self.orders = ListedRows(switchboard, read_models, "orders", ORDER_LIST, orders)
        self.positions = ListedRows(switchboard, read_models, "positions", POSITION_LIST, positions)
        self.trades = ListedRows(switchboard, read_models, "trades", TRADE_LIST, trades)
        self.signals = ListedRows(switchboard, read_models, "signals", SIGNAL_LIST, signals)
        self.balances = ListedRows(switchboard, read_models, "balances", BALANCE_LIST, balances)
