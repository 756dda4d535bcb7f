"""Account balances as rows: what each exchange said last, and when it was asked."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from msgspec import Struct

from orderwright.eventstore.connections import Connection
from orderwright.moments import Micros
from orderwright.readmodels.tables import Table


class BalanceRow(Struct, frozen=True, kw_only=True):
    """The total of one currency in an account, as the exchange told it at `seen_at`."""

    log_id: int
    account: str
    currency: str
    total: Decimal
    seen_at: Micros


BALANCES = Table("balances", BalanceRow, key=[("account", "text"), ("currency", "text")])

_OTHERS: Final = "DELETE FROM app.balances WHERE log_id = %s::integer AND account = %s AND seen_at < %s"


def note_balances(
    connection: Connection, log_id: int, account: str, totals: Mapping[str, Decimal], seen_at: Micros
) -> None:
    """Put down what an account holds of each currency; currencies that it no longer has are forgotten."""
    BALANCES.write(
        connection,
        [
            BalanceRow(log_id=log_id, account=account, currency=currency, total=total, seen_at=seen_at)
            for currency, total in totals.items()
        ],
    )
    connection.execute(_OTHERS, [log_id, account, seen_at])
