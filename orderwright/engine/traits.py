"""What exchanges can and cannot do, as data: the core and the actors know traits, never an exchange's name."""

from enum import StrEnum

from msgspec import Struct


class ClientIdRule(StrEnum):
    """How long an exchange refuses a client order id it has seen."""

    ALWAYS = "always"
    OPEN_ONLY = "open_only"
    CONSUMED_ON_FAILURE = "consumed_on_failure"


class Traits(Struct, frozen=True, kw_only=True):
    """What an exchange can do; durations in microseconds.

    `tells_trades`: each execution of an order is told of by an id of its own, not only how much has filled in all.
    `tells_at_once`: its answer to a placement carries status and fills.
    `sets_leverage`: it trades futures with the leverage that was last set for the account and the symbol.
    """

    client_id_unique: ClientIdRule = ClientIdRule.ALWAYS
    lookup_by_client_id: bool = True
    history_window: int | None = None
    request_expiry: bool = False
    native_stops: bool = False
    tells_trades: bool = True
    reduce_only: bool = True
    tells_at_once: bool = True
    sets_leverage: bool = False
    lag: int = 5_000_000
