"""The actor of one account at one exchange: keeps it connected and reports orders that are not ours."""

import logging

from orderwright.actors.env import Directory, Env
from orderwright.actors.messages import (
    Address,
    Connected,
    Mail,
    Ready,
    Start,
    Surveyed,
    Tick,
    Unreachable,
    name_of,
)
from orderwright.engine.ids import account_number_of
from orderwright.moments import SECOND

logger = logging.getLogger(__name__)

_FIRST_RETRY = SECOND // 2
_SLOWEST_RETRY = 30 * SECOND
_SURVEY_EVERY = 30 * SECOND


class ExchangeAccount:
    """Connects with backoff, then looks at all open orders from time to time; foreign ones are reported, never touched.

    Strategy accounts do not wait for it: each asks about its own orders, so that one dead exchange holds up no other.
    """

    def __init__(self, *, env: Env, me: Address, supervisor: Address, directory: Directory) -> None:
        self._env = env
        self._me = me
        self._account = name_of(me).partition("/")[2]
        self._supervisor = supervisor
        self._directory = directory
        self._retry = 0
        self._is_connected = False
        self._foreign: frozenset[str] = frozenset()

    def handle(self, mail: Mail) -> None:
        """Take one message."""
        match mail:
            case Start() | Tick(reason="connect"):
                self._env.connect(self._account, self._me)
            case Connected():
                self._is_connected = True
                self._env.tell(Ready(at=self._me), self._supervisor)
                self._env.survey(self._account, self._me)
            case Unreachable(reason=reason):
                self._unreachable(reason)
            case Tick(reason="survey"):
                self._env.survey(self._account, self._me)
            case Surveyed():
                self._surveyed(mail)
            case _:
                logger.warning("account %s was told something odd: %s", self._account, type(mail).__name__)

    def _unreachable(self, reason: str) -> None:
        if self._is_connected:
            logger.warning("account %s cannot be surveyed: %s", self._account, reason)
            self._env.after(_SURVEY_EVERY, Tick(reason="survey"), self._me)
            return
        self._retry = min(max(_FIRST_RETRY, 2 * self._retry), _SLOWEST_RETRY)
        logger.warning(
            "account %s cannot be reached (%s); again in %.1f s", self._account, reason, self._retry / SECOND
        )
        self._env.after(self._retry, Tick(reason="connect"), self._me)

    def _surveyed(self, mail: Surveyed) -> None:
        salt = self._directory.installation_salt()
        foreign = frozenset(
            order.exchange_order_id
            for order in mail.orders
            if account_number_of(order.client_order_id, salt=salt) is None
        )
        for order_id in sorted(foreign - self._foreign):
            logger.warning("account %s has an open order that is not ours: %s; left alone", self._account, order_id)
        self._foreign = foreign
        self._env.after(_SURVEY_EVERY, Tick(reason="survey"), self._me)
