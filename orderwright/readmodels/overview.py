"""What the log says of every strategy account, without an engine."""

from orderwright.eventstore.store import LogReader
from orderwright.readmodels.account_view import AccountView, view
from orderwright.readmodels.replay import replay


def overview(reader: LogReader) -> list[AccountView]:
    """Return a view of each strategy account that has events, by name.

    Raises:
        StoreUnavailable: the log cannot be read.
    """
    views = []
    for head in reader.streams(prefix="strategy-account/"):
        replayed = replay(head.stream, reader.read_texts(head.stream))
        views.append(view(head.stream, replayed.state, version=replayed.version, condition=""))
    return views
