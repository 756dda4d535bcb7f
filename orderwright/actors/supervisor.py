"""The actor over all others: brings them to life on demand, restarts them with backoff, publishes the address book."""

import logging
import zlib
from collections.abc import Mapping

from msgspec import Struct

from orderwright.actors.env import Env
from orderwright.actors.messages import (
    NOBODY,
    AccountReady,
    AccountWanted,
    Address,
    AskId,
    CatalogueChanged,
    LogTrouble,
    Mail,
    Ready,
    Stopped,
    Tick,
    Wake,
    address,
    name_of,
)
from orderwright.moments import SECOND, Micros

logger = logging.getLogger(__name__)

SUPERVISOR = Address("supervisor#1")


class Restarts(Struct, frozen=True, kw_only=True):
    """How often a failed actor is brought back; durations in microseconds."""

    first_delay: int = SECOND // 2
    longest_delay: int = 60 * SECOND
    healthy_after: int = 120 * SECOND
    most: int = 5
    within: int = 600 * SECOND


class _Post:
    """What the supervisor knows of one actor name."""

    def __init__(self) -> None:
        self.incarnation = 0
        self.at: Address | None = None
        self.is_ready = False
        self.started: Micros = Micros(0)
        self.delay = 0
        self.failures: list[Micros] = []
        self.is_waiting = False
        self.is_quarantined = False
        self.is_blameless = False
        self.last_reason = ""
        self.inboxes: set[Address] = set()
        self.asks: list[AskId] = []


class Supervisor:
    """Every actor has one post; an incarnation that fails is followed by another after a growing, jittered delay.

    More than `Restarts.most` failures within `Restarts.within` put the post into quarantine: it stays down until an
    operator wakes it. What the log's failures end does not count: once the log is back, so is everything else.
    """

    def __init__(self, *, env: Env, me: Address = SUPERVISOR, restarts: Restarts | None = None) -> None:
        self._env = env
        self._me = me
        self._restarts = restarts or Restarts()
        self._posts: dict[str, _Post] = {}
        self._book: Mapping[str, Address] = {}

    @property
    def book(self) -> Mapping[str, Address]:
        """The actors that take commands, by name; immutable, replaced as a whole."""
        return self._book

    def conditions(self) -> dict[str, str]:
        """Return what is wrong with the posts that are not ready, by name."""
        return {
            name: "in quarantine: " + post.last_reason if post.is_quarantined else post.last_reason or "starting"
            for name, post in list(self._posts.items())
            if not post.is_ready
        }

    def is_unattended(self, name: str) -> bool:
        """Whether there is no such actor, none is about to come, and none was put into quarantine."""
        post = self._posts.get(name)
        return post is None or (post.at is None and not post.is_waiting and not post.is_quarantined)

    def handle(self, mail: Mail) -> None:
        """Take one message."""
        match mail:
            case Wake():
                self._wake(mail)
            case AccountWanted():
                self._account_wanted(mail)
            case Ready():
                self._ready(mail)
            case LogTrouble(at=at):
                post = self._post(name_of(at))
                post.is_blameless = post.at == at
            case Stopped():
                self._stopped(mail)
            case CatalogueChanged():
                for name, at in self._book.items():
                    if name.startswith("strategy-account/"):
                        self._env.tell(mail, at)
            case Tick(reason=name):
                self._spawn(name)
            case _:
                logger.warning("the supervisor was told something that is not for it: %s", type(mail).__name__)

    def _wake(self, mail: Wake) -> None:
        post = self._post(mail.name)
        if post.is_ready and post.at is not None:
            self._env.reply(mail.ask, Ready(at=post.at))
            return
        if mail.ask != NOBODY:
            post.asks.append(mail.ask)
        if post.is_quarantined:
            post.is_quarantined = False
            post.failures.clear()
        self._ensure(mail.name, post)

    def _account_wanted(self, mail: AccountWanted) -> None:
        post = self._post(mail.account)
        post.inboxes.add(mail.inbox)
        if post.is_ready and post.at is not None:
            self._env.tell(AccountReady(account=mail.account, at=post.at), mail.inbox)
        elif not post.is_quarantined:
            self._ensure(mail.account, post)

    def _post(self, name: str) -> _Post:
        return self._posts.setdefault(name, _Post())

    def _ensure(self, name: str, post: _Post) -> None:
        if post.at is None and not post.is_waiting:
            self._spawn(name)

    def _spawn(self, name: str) -> None:
        post = self._post(name)
        post.is_waiting = False
        if post.at is not None or post.is_quarantined:
            return
        post.incarnation += 1
        post.at = address(name, post.incarnation)
        post.started = self._env.now()
        self._env.spawn(name, post.at)

    def _ready(self, mail: Ready) -> None:
        name = name_of(mail.at)
        post = self._post(name)
        if post.at != mail.at:
            return
        post.is_ready = True
        self._book = {**self._book, name: mail.at}
        for inbox in post.inboxes:
            self._env.tell(AccountReady(account=name, at=mail.at), inbox)
        for ask in post.asks:
            self._env.reply(ask, mail)
        post.asks.clear()

    def _stopped(self, mail: Stopped) -> None:
        name = name_of(mail.at)
        post = self._post(name)
        if post.at != mail.at:
            return
        post.at = None
        post.is_ready = False
        self._book = {known: at for known, at in self._book.items() if known != name}
        for other in self._posts.values():
            other.inboxes.discard(mail.at)
        if mail.reason:
            post.last_reason = mail.reason
            self._restart_later(name, post)

    def _restart_later(self, name: str, post: _Post) -> None:
        now = self._env.now()
        rules = self._restarts
        if now - post.started >= rules.healthy_after:
            post.delay = 0
        post.failures = [at for at in post.failures if now - at < rules.within]
        if post.is_blameless:
            post.is_blameless = False
        else:
            post.failures.append(now)
        if len(post.failures) > rules.most:
            post.is_quarantined = True
            logger.error("%s failed %d times and is in quarantine: %s", name, len(post.failures), post.last_reason)
            return
        post.delay = min(max(rules.first_delay, 2 * post.delay), rules.longest_delay)
        post.is_waiting = True
        delay = _jittered(post.delay, f"{name}#{post.incarnation}")
        logger.warning("%s stopped (%s); again in %.1f s", name, post.last_reason, delay / SECOND)
        self._env.after(delay, Tick(reason=name), self._me)


def _jittered(delay: int, seed: str) -> int:
    # +-20 %, spread by name so that what fell together does not rise together; no randomness, for replayable proofs.
    return delay * (80 + zlib.crc32(seed.encode()) % 41) // 100
