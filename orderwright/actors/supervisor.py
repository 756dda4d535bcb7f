"""The actor over all others: brings them to life on demand, restarts them with backoff, publishes the address book."""

import logging
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct
from rpds import HashTrieMap

from orderwright.actors.alarms import AlarmKind
from orderwright.actors.env import Env
from orderwright.actors.messages import (
    NOBODY,
    AccountHeldUp,
    AccountReady,
    AccountResting,
    AccountWanted,
    Address,
    Answering,
    AskId,
    Away,
    CatalogueChanged,
    Command,
    Deliver,
    LogTrouble,
    Mail,
    Ping,
    Pong,
    Ready,
    Revive,
    Stopped,
    Tick,
    Unavailable,
    Wake,
    address,
    exchange_account_name,
    name_of,
    turned_away,
)
from orderwright.moments import SECOND, Micros

logger = logging.getLogger(__name__)

SUPERVISOR = Address("supervisor#1")

MOST_STASHED = 1_000


class Restarts(Struct, frozen=True, kw_only=True):
    """How often a failed actor is brought back; durations in microseconds."""

    first_delay: int = SECOND // 2
    longest_delay: int = 60 * SECOND
    healthy_after: int = 120 * SECOND
    most: int = 5
    within: int = 600 * SECOND


class _Post:
    """What the supervisor knows of one actor name."""

    def __init__(self, name: str) -> None:
        self.name = name
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
        self.stash: list[Command] = []

    @property
    def unavailable(self) -> Unavailable:
        """The answer to whoever wants it while it is in quarantine."""
        return Unavailable(name=self.name, away=Away.QUARANTINED, reason=self.last_reason)

    @property
    def condition(self) -> str:
        """What is wrong, or empty."""
        if self.is_quarantined:
            return f"quarantined: {self.last_reason}"
        if self.is_waiting:
            return f"restarting: {self.last_reason}"
        return "" if self.is_ready or self.at is None else "rebuilding"


class Supervisor:
    """Every actor has one post; an incarnation that fails is followed by another after a growing, jittered delay.

    More than `Restarts.most` failures within `Restarts.within` put the post into quarantine: it stays down until an
    operator revives it. What the log's failures end does not count: once the log is back, so is everything else.
    Commands for an actor that is not ready wait here, at most `stash` of them for each.
    """

    def __init__(
        self, *, env: Env, me: Address = SUPERVISOR, restarts: Restarts | None = None, stash: int = MOST_STASHED
    ) -> None:
        self._env = env
        self._me = me
        self._restarts = restarts or Restarts()
        self._most_stashed = stash
        self._posts: dict[str, _Post] = {}
        self._book: HashTrieMap[str, Address] = HashTrieMap()
        self._conditions: HashTrieMap[str, str] = HashTrieMap()
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            AccountWanted: self._account_wanted,
            Answering: self._answering,
            CatalogueChanged: self._catalogue_changed,
            Deliver: self._deliver,
            LogTrouble: self._log_trouble,
            Ping: self._ping,
            Ready: self._ready,
            Revive: self._revive,
            Stopped: self._stopped,
            Tick: self._tick,
            Wake: self._wake,
        }

    @property
    def book(self) -> Mapping[str, Address]:
        """The actors that take commands, by name; immutable, replaced as a whole."""
        return self._book

    @property
    def conditions(self) -> Mapping[str, str]:
        """What is wrong with actors that should be ready and are not, by name; immutable, replaced as a whole."""
        return self._conditions

    def handle(self, mail: Mail) -> None:
        """Take one message."""
        handler = self._handlers.get(type(mail))
        if handler is None:
            logger.warning("the supervisor was told something that is not for it: %s", type(mail).__name__)
        else:
            handler(mail)

    def _log_trouble(self, mail: LogTrouble) -> None:
        post = self._post(name_of(mail.at))
        post.is_blameless = post.at == mail.at

    def _catalogue_changed(self, mail: CatalogueChanged) -> None:
        for post in self._posts.values():
            if post.at is not None and post.name.startswith("strategy-account/"):
                self._env.tell(mail, post.at)

    def _answering(self, mail: Answering) -> None:
        for post in self._posts.values():
            kind, _, name = post.name.partition("/")
            trades_there = kind == "strategy-account" and name.partition("@")[2] == mail.account
            if post.at is not None and (trades_there or post.name == exchange_account_name(mail.account)):
                self._env.tell(mail, post.at)

    def _tick(self, mail: Tick) -> None:
        self._spawn(self._post(mail.reason))

    def _ping(self, mail: Ping) -> None:
        self._env.reply(mail.ask, Pong())

    def _deliver(self, mail: Deliver) -> None:
        post = self._post(mail.name)
        if post.is_ready and post.at is not None:
            self._env.tell(mail.mail, post.at)
        elif post.is_quarantined:
            self._turn_away(post, mail.mail)
        elif len(post.stash) >= self._most_stashed:
            reply = turned_away(
                mail.mail, post.name, away=Away.OVERLOADED, reason="too much waits for it to be rebuilt"
            )
            self._env.reply(mail.mail.ask, reply)
        else:
            post.stash.append(mail.mail)
            self._ensure(post)

    def _turn_away(self, post: _Post, command: Command) -> None:
        reply = turned_away(command, post.name, away=Away.QUARANTINED, reason=post.last_reason)
        self._env.reply(command.ask, reply)

    def _wake(self, mail: Wake) -> None:
        post = self._post(mail.name)
        if post.is_quarantined:
            self._env.reply(mail.ask, post.unavailable)
            return
        self._ready_for(post, mail.ask)

    def _revive(self, mail: Revive) -> None:
        post = self._post(mail.name)
        if post.is_quarantined:
            post.is_quarantined = False
            post.failures.clear()
            post.delay = 0
            self._env.noticeboard.alarms.clear(AlarmKind.QUARANTINE, post.name)
            logger.warning("%s is let out of quarantine", post.name)
        self._ready_for(post, mail.ask)

    def _ready_for(self, post: _Post, ask: AskId) -> None:
        if post.is_ready and post.at is not None:
            self._env.reply(ask, Ready(at=post.at))
            return
        if ask != NOBODY:
            post.asks.append(ask)
        self._ensure(post)

    def _account_wanted(self, mail: AccountWanted) -> None:
        post = self._post(mail.account)
        post.inboxes.add(mail.inbox)
        if post.is_ready and post.at is not None:
            self._env.tell(AccountReady(account=mail.account, at=post.at), mail.inbox)
        elif post.is_quarantined:
            self._env.tell(AccountHeldUp(account=mail.account), mail.inbox)
        else:
            self._ensure(post)

    def _post(self, name: str) -> _Post:
        post = self._posts.get(name)
        if post is None:
            post = self._posts[name] = _Post(name)
        return post

    def _ensure(self, post: _Post) -> None:
        if post.at is None and not post.is_waiting:
            self._spawn(post)

    def _spawn(self, post: _Post) -> None:
        post.is_waiting = False
        if post.at is not None or post.is_quarantined:
            return
        post.incarnation += 1
        post.at = address(post.name, post.incarnation)
        post.started = self._env.now()
        self._publish(post)
        self._env.spawn(post.name, post.at)

    def _publish(self, post: _Post) -> None:
        condition = post.condition
        if condition:
            self._conditions = self._conditions.insert(post.name, condition)
        else:
            self._conditions = self._conditions.discard(post.name)

    def _ready(self, mail: Ready) -> None:
        name = name_of(mail.at)
        post = self._post(name)
        if post.at != mail.at:
            return
        post.is_ready = True
        # What waited goes first: whoever finds the actor in the book comes later.
        stash, post.stash = post.stash, []
        for command in stash:
            self._env.tell(command, mail.at)
        self._book = self._book.insert(name, mail.at)
        self._publish(post)
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
        self._book = self._book.discard(name)
        if name.startswith("inbox/"):
            for other in self._posts.values():
                other.inboxes.discard(mail.at)
        if mail.reason:
            post.last_reason = mail.reason
            self._restart_later(post)
        else:
            self._rest(post, mail.at)
        self._publish(post)

    def _rest(self, post: _Post, at: Address) -> None:
        for inbox in post.inboxes:
            self._env.tell(AccountResting(account=post.name, at=at), inbox)
        if post.asks or post.stash:
            self._ensure(post)

    def _restart_later(self, post: _Post) -> None:
        now = self._env.now()
        rules = self._restarts
        if now - post.started >= rules.healthy_after:
            post.delay = 0
        post.failures = [at for at in post.failures if now - at < rules.within]
        if post.is_blameless:
            # Once the log is back, so is everything else, however long it was away.
            post.is_blameless, post.delay = False, 0
        else:
            post.failures.append(now)
        if len(post.failures) > rules.most:
            self._put_into_quarantine(post)
            return
        post.delay = min(max(rules.first_delay, 2 * post.delay), rules.longest_delay)
        post.is_waiting = True
        delay = _jittered(post.delay, f"{post.name}#{post.incarnation}")
        logger.warning("%s stopped (%s); again in %.1f s", post.name, post.last_reason, delay / SECOND)
        self._env.after(delay, Tick(reason=post.name), self._me)

    def _put_into_quarantine(self, post: _Post) -> None:
        post.is_quarantined = True
        why = f"failed {len(post.failures)} times, at last with: {post.last_reason}"
        self._env.noticeboard.alarms.ring(AlarmKind.QUARANTINE, post.name, why)
        for ask in post.asks:
            self._env.reply(ask, post.unavailable)
        post.asks.clear()
        stash, post.stash = post.stash, []
        for command in stash:
            self._turn_away(post, command)
        for inbox in post.inboxes:
            self._env.tell(AccountHeldUp(account=post.name), inbox)


def _jittered(delay: int, seed: str) -> int:
    # +-20 %, spread by name so that what fell together does not rise together; no randomness, for replayable proofs.
    return delay * (80 + zlib.crc32(seed.encode()) % 41) // 100
