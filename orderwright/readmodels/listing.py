"""Lists of rows: filtered, in a fixed order, a page at a time, each page beginning where the last one ended."""

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final, Generic, LiteralString, TypeVar

from msgspec import Struct
from psycopg import sql

from orderwright.engine.orders import OrderStatus
from orderwright.eventstore.connections import Connection
from orderwright.moments import Micros
from orderwright.readmodels.balances import BALANCES, BalanceRow
from orderwright.readmodels.books import ORDERS, POSITIONS, Books, OrderRow, PositionRow
from orderwright.readmodels.signals import SIGNAL_STATUSES, SIGNALS, SignalRow, Signals
from orderwright.readmodels.tables import Key, Table
from orderwright.readmodels.trades import TRADES, TradeRow, Trades

RowT = TypeVar("RowT", bound=Struct)


_HEAVIEST: Final = 2_000


class Question(Struct, frozen=True, kw_only=True):
    """What is asked of a list: rows with one of `statuses` (any, if empty), from `since` on and before `until`.

    At most `limit` rows, or fewer if they are heavy: those that follow `after`, a row's place as an answer told it.
    """

    strategy: str | None = None
    account: str | None = None
    symbol: str | None = None
    statuses: tuple[str, ...] = ()
    since: Micros | None = None
    until: Micros | None = None
    after: Key | None = None
    limit: int = 100


class Answer(Struct, Generic[RowT], frozen=True, kw_only=True):
    """A page of rows; `next` is the place to go on from, None at the end of the list."""

    rows: tuple[RowT, ...]
    next: Key | None


class Listing(Generic[RowT]):
    """A table as a list.

    Args:
        table: where the rows are, under the name `t` in the conditions.
        projection: the name of the projection that makes the rows; None if they are not made of events.
        place: the columns that order the rows, each with its type; `newest_first` turns the order round.
        moment: the column that `since` and `until` mean.
        filters: what can be asked of a row, each with its condition on one value.
        statuses: the words that a row's status can be asked by, each with its condition.
        weight: how many rows of another table are told with a row: a page ends before they become too many.
    """

    def __init__(
        self,
        table: Table[RowT],
        *,
        projection: str | None,
        place: Sequence[tuple[LiteralString, type]],
        moment: LiteralString,
        filters: Mapping[str, LiteralString],
        statuses: Mapping[str, sql.Composable],
        newest_first: bool = False,
        weight: Callable[[RowT], int] = lambda _row: 0,
    ) -> None:
        self.projection = projection
        self.filters = tuple(filters)
        self.statuses = tuple(statuses)
        self._table = table
        self._place = tuple(column for column, _ in place)
        self._kinds = tuple(kind for _, kind in place)
        self._filters = filters
        self._statuses = statuses
        self._moment = moment
        self._weight = weight
        columns = sql.SQL(", ").join(sql.Identifier("t", column) for column in self._place)
        values = sql.SQL(", ").join(sql.SQL("%s") for _ in self._place)
        direction = sql.SQL(" DESC" if newest_first else "")
        self._beyond = sql.SQL("({}) {} ({})").format(columns, sql.SQL("<" if newest_first else ">"), values)
        self._order = sql.SQL(", ").join(sql.Identifier("t", column) + direction for column in self._place)

    def is_place(self, place: Sequence[object]) -> bool:
        """Whether this can be the place of a row of the list."""
        return len(place) == len(self._kinds) and all(map(isinstance, place, self._kinds))

    def answer(self, connection: Connection, log_id: int, question: Question) -> Answer[RowT]:
        """Return the page that was asked for; filters and statuses must be some of those that the list has."""
        conditions, values = self._conditions(log_id, question)
        query = sql.SQL("SELECT {} FROM {} AS t WHERE {} ORDER BY {} LIMIT %s").format(
            self._table.selected, self._table.name, sql.SQL(" AND ").join(conditions), self._order
        )
        fetched = connection.execute(query, [*values, question.limit + 1]).fetchall()
        rows = self._light(self._table.rows(fetched[: question.limit]))
        return Answer(rows=tuple(rows), next=self.place_of(rows[-1]) if len(fetched) > len(rows) else None)

    def place_of(self, row: RowT) -> Key:
        """Return a row's place in the list."""
        return tuple(getattr(row, column) for column in self._place)

    def _light(self, rows: list[RowT]) -> list[RowT]:
        weights = accumulate(map(self._weight, rows))
        fitting = sum(weight <= _HEAVIEST for weight in weights)
        return rows[: max(1, fitting)]

    def _conditions(self, log_id: int, question: Question) -> tuple[list[sql.Composable], list[Any]]:
        conditions: list[sql.Composable] = [sql.SQL("t.log_id = %s::integer")]
        values: list[Any] = [log_id]
        for name, condition in self._filters.items():
            value = getattr(question, name)
            if value is not None:
                conditions.append(sql.SQL(condition))
                values.append(value)
        if question.statuses:
            either = sql.SQL(" OR ").join(self._statuses[status] for status in question.statuses)
            conditions.append(sql.SQL("({})").format(either))
        for moment, comparison in ((question.since, sql.SQL(" >= %s")), (question.until, sql.SQL(" < %s"))):
            if moment is not None:
                conditions.append(sql.Identifier("t", self._moment) + comparison)
                values.append(moment)
        if question.after is not None:
            conditions.append(self._beyond)
            values.extend(question.after)
        return conditions, values


_OF_STRATEGY: Final[Mapping[str, LiteralString]] = {"strategy": "t.strategy = %s"}
_OF_ACCOUNT: Final[Mapping[str, LiteralString]] = {"account": "t.account = %s"}
_OF_SYMBOL: Final[Mapping[str, LiteralString]] = {"symbol": "t.symbol = %s"}
_OWNED: Final[Mapping[str, LiteralString]] = {**_OF_STRATEGY, **_OF_ACCOUNT, **_OF_SYMBOL}


def _is(status: str) -> sql.Composable:
    return sql.SQL("t.status = {}").format(status)


ORDER_LIST: Final[Listing[OrderRow]] = Listing(
    ORDERS,
    projection=Books.name,
    place=[("position", int)],
    newest_first=True,
    moment="requested_at",
    filters=_OWNED,
    statuses={
        "open": sql.SQL("t.ended_at IS NULL"),
        "ended": sql.SQL("t.ended_at IS NOT NULL"),
        "in_doubt": sql.SQL("t.in_doubt"),
        **{status.value: _is(status.value) for status in OrderStatus},
    },
)
POSITION_LIST: Final[Listing[PositionRow]] = Listing(
    POSITIONS,
    projection=Books.name,
    place=[("stream", str), ("symbol", str)],
    moment="updated_at",
    filters=_OWNED,
    statuses={"open": sql.SQL("t.quantity <> 0"), "flat": sql.SQL("t.quantity = 0")},
)
TRADE_LIST: Final[Listing[TradeRow]] = Listing(
    TRADES,
    projection=Trades.name,
    place=[("position", int)],
    newest_first=True,
    moment="traded_at",
    filters=_OWNED,
    statuses={},
)
SIGNAL_LIST: Final[Listing[SignalRow]] = Listing(
    SIGNALS,
    projection=Signals.name,
    place=[("position", int)],
    newest_first=True,
    moment="received_at",
    filters={
        **_OF_STRATEGY,
        "account": (
            "EXISTS (SELECT FROM app.signal_accounts AS a "
            "WHERE a.log_id = t.log_id AND a.signal_id = t.signal_id AND a.account = %s)"
        ),
        "symbol": "%s = ANY (t.symbols)",
    },
    statuses={status: _is(status) for status in SIGNAL_STATUSES},
    weight=lambda signal: signal.accounts,
)
BALANCE_LIST: Final[Listing[BalanceRow]] = Listing(
    BALANCES,
    projection=None,
    place=[("account", str), ("currency", str)],
    moment="seen_at",
    filters=_OF_ACCOUNT,
    statuses={},
)
