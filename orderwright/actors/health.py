"""How the parts of a running engine are: a line for each kind of part, and one for each that is in trouble."""

from collections import Counter
from collections.abc import Mapping

from orderwright.actors.messages import exchange_account_name
from orderwright.actors.noticeboard import Noticeboard
from orderwright.engine.catalogue.state import Catalogue

_OK = "ok"


def parts_of(conditions: Mapping[str, str], noticeboard: Noticeboard, catalogue: Catalogue) -> dict[str, str]:
    """Return each part with "ok" or what is wrong with it.

    `conditions` are the supervisor's. Parts with a slash in their names are named after strategies and accounts.
    """
    named = dict(conditions)
    for exchange in noticeboard.exchanges.values():
        if exchange.trouble:
            named[exchange_account_name(exchange.account)] = f"cannot be reached: {exchange.trouble}"
    on = sum(alarm.cleared is None for alarm in noticeboard.alarms.listed())
    return {
        "trading": " ".join(halt.sentence for halt in catalogue.halts.values()) or _OK,
        "exchange_accounts": _counted(named, "exchange-account/"),
        "inboxes": _counted(named, "inbox/"),
        "strategy_accounts": _counted(named, "strategy-account/"),
        "alarms": f"{on} on" if on else _OK,
        **named,
    }


def _counted(named: Mapping[str, str], prefix: str) -> str:
    counts = Counter(text.partition(":")[0] for name, text in named.items() if name.startswith(prefix))
    return ", ".join(f"{count} {text}" for text, count in sorted(counts.items())) or _OK
