"""The WSGI application: which address leads to which resource."""

from collections.abc import Callable, Mapping, Sequence

import falcon
from msgspec import Struct

from orderwright.actors.drift import Drifts
from orderwright.actors.switchboard import Switchboard
from orderwright.config.schema import Config
from orderwright.http.capacity import Capacity
from orderwright.http.decisions import add_routes as add_decisions
from orderwright.http.declarations import Declarations
from orderwright.http.drift import DriftReport
from orderwright.http.failures import Failures
from orderwright.http.health import HealthCheck
from orderwright.http.jobs import Jobs
from orderwright.http.read_models import ReadModelLists
from orderwright.http.signals import Signals
from orderwright.http.strategy_accounts import StrategyAccounts
from orderwright.http.supervision import add_routes as add_supervision
from orderwright.http.webhooks import Webhooks
from orderwright.readmodels.job_view import JobView
from orderwright.readmodels.read_models import ReadModels

App = falcon.App[falcon.Request, falcon.Response]

_HEADERS = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))


class Backstage(Struct, frozen=True, kw_only=True):
    """What is shown beside the engine itself: its read models, its jobs, how these are by part, and drift."""

    read_models: ReadModels
    jobs: Callable[[], Sequence[JobView]]
    conditions: Callable[[], Mapping[str, str]]
    drifts: Drifts | None = None


class _PrivateAnswers:
    """Nothing that is answered is to be cached or guessed at."""

    def process_response(
        self,
        _req: falcon.Request,
        resp: falcon.Response,
        _resource: object,
        _req_succeeded: bool,  # noqa: FBT001 -- Falcon calls it so
    ) -> None:
        resp.set_headers(_HEADERS)


def create_app(switchboard: Switchboard, config: Config, capacity: Capacity, backstage: Backstage | None = None) -> App:
    """Return the application over a running engine; `capacity` counts the threads of the server it will run in.

    Without a `backstage` there are no lists and no jobs to be shown.
    """
    app: App = falcon.App(middleware=[capacity, _PrivateAnswers()])
    Failures(config.locale).register(app)
    webhooks = Webhooks(switchboard, config, capacity)
    health = HealthCheck(switchboard, dict if backstage is None else backstage.conditions)
    accounts = StrategyAccounts(switchboard)
    app.add_route("/api/webhook", webhooks)
    app.add_route("/webhook/{token}", webhooks)
    app.add_route("/api/signals/{signal_id:uuid}", Signals(switchboard, config.locale))
    app.add_route("/health", health)
    app.add_route("/health/live", health, suffix="live")
    app.add_route("/health/ready", health, suffix="ready")
    app.add_route("/api/v1/strategy-accounts", accounts, suffix="list")
    app.add_route("/api/v1/strategy-accounts/{strategy}/{account}", accounts)
    app.add_route("/api/v1/strategy-accounts/{strategy}/{account}/{operation}", accounts, suffix="operation")
    add_decisions(app, switchboard)
    app.add_route("/api/v1/declarations", Declarations(switchboard))
    drifts = None if backstage is None else backstage.drifts
    add_supervision(app, switchboard, drifts)
    if backstage is not None:
        lists = ReadModelLists(switchboard, backstage.read_models)
        app.add_route("/api/v1/orders", lists.orders)
        app.add_route("/api/v1/positions", lists.positions)
        app.add_route("/api/v1/trades", lists.trades)
        app.add_route("/api/v1/signals", lists.signals)
        app.add_route("/api/v1/balances", lists.balances)
        if drifts is not None:
            app.add_route("/api/v1/drift", DriftReport(switchboard, drifts))
        app.add_route("/api/v1/jobs", Jobs(switchboard, backstage.jobs))
    return app
