"""Who may do what: webhook tokens, the accounts their signals go to, and the bearer tokens of administrators."""

from collections.abc import Iterable

import falcon
from msgspec import Struct

from orderwright.actors.messages import strategy_account_name
from orderwright.auth.tokens import token_hash
from orderwright.engine.catalogue.events import Link
from orderwright.engine.catalogue.state import Catalogue, WebhookToken
from orderwright.engine.instruments import MarketType
from orderwright.http.problems import refusal
from orderwright.http.webhook_body import ParsedWebhook

_BEARER = "bearer "


class Admission(Struct, frozen=True, kw_only=True):
    """What a webhook token opens as of now: its strategy, and the strategy accounts its signals go to.

    `recipients` are their names in the order in which they were linked; `dedupe_window` in microseconds.
    """

    strategy: str
    holder: str
    is_owner: bool
    dedupe_window: int
    recipients: tuple[str, ...]

    def may_see(self, strategy_account: str) -> bool:
        """Whether the holder may see what becomes of a signal there."""
        return self.is_owner or strategy_account in self.recipients


class Admissions:
    """Admissions by token, remembered for as long as the catalogue is the same."""

    def __init__(self) -> None:
        self._remembered: tuple[Catalogue, dict[str, Admission]] = (Catalogue(), {})

    def of_webhook(self, catalogue: Catalogue, message: ParsedWebhook, *, path_token: str | None) -> Admission:
        """Return what a message may do; a token in the path makes `token` and `group_name` in the body optional.

        Raises:
            RequestRefused: 401 for a token that is missing, unknown or another strategy's; 404 for an unknown strategy
                only if the token is good for some strategy; 403 for a suspended user or a strategy switched off;
                422 for another market type or if there is no account to trade on.
        """
        token = message.token if path_token is None else path_token
        if token is None:
            raise refusal("token_missing", field="token")
        if message.token is not None and message.token != token:
            raise refusal("token_invalid", field="token")
        hashed = token_hash(token)
        opened = self._opened(catalogue, hashed)
        group_name = opened.strategy if message.group_name is None and path_token is not None else message.group_name
        if group_name is None:
            raise refusal("missing_field", field="group_name")
        if group_name not in catalogue.strategies:
            raise refusal("strategy_not_found", field="group_name")
        if group_name != opened.strategy:
            raise refusal("token_invalid", field="token")
        return self._checked(catalogue, hashed, opened, message.market_types)

    def of_reader(self, catalogue: Catalogue, token: str, *, strategy: str) -> Admission | None:
        """Return what a webhook token's holder may see of a strategy; None if nothing."""
        opened = catalogue.webhook_tokens.get(token_hash(token))
        if opened is None or opened.strategy != strategy or catalogue.users[opened.holder].suspended:
            return None
        return _admission(catalogue, opened)

    def _opened(self, catalogue: Catalogue, hashed: str) -> WebhookToken:
        opened = catalogue.webhook_tokens.get(hashed)
        if opened is None:
            raise refusal("token_invalid", field="token")
        if catalogue.users[opened.holder].suspended:
            raise refusal("user_suspended")
        return opened

    def _checked(
        self, catalogue: Catalogue, hashed: str, opened: WebhookToken, claimed: Iterable[MarketType]
    ) -> Admission:
        strategy = catalogue.strategies[opened.strategy]
        if not strategy.public and opened.holder != strategy.owner:
            raise refusal("token_invalid", field="token")
        if not strategy.active:
            raise refusal("strategy_inactive", field="group_name")
        for kind in claimed:
            if kind is not strategy.market_type:
                raise refusal("market_type_mismatch", field="market_type", expected=strategy.market_type, sent=kind)
        admission = self._remember(catalogue, hashed, opened)
        if not admission.recipients:
            raise refusal("no_accounts")
        return admission

    def _remember(self, catalogue: Catalogue, hashed: str, opened: WebhookToken) -> Admission:
        known_catalogue, known = self._remembered
        if known_catalogue is not catalogue:
            known = {}
            self._remembered = (catalogue, known)
        admission = known.get(hashed)
        if admission is None:
            admission = known[hashed] = _admission(catalogue, opened)
        return admission


def bearer_token(req: falcon.Request) -> str:
    """Return the token of an `Authorization: Bearer` header.

    Raises:
        RequestRefused: `unauthorized`; there is none.
    """
    header = req.get_header("Authorization") or ""
    token = header[len(_BEARER) :].strip()
    if not header.lower().startswith(_BEARER) or not token:
        raise refusal("unauthorized")
    return token


def administrator(catalogue: Catalogue, req: falcon.Request) -> str:
    """Return the name of the administrator who sent a request.

    Raises:
        RequestRefused: `unauthorized` without a good token, `forbidden` with one that opens other doors.
    """
    hashed = token_hash(bearer_token(req))
    user = catalogue.administrator(hashed)
    if user is not None:
        return user.name
    if hashed in catalogue.api_tokens or hashed in catalogue.webhook_tokens:
        raise refusal("forbidden")
    raise refusal("unauthorized")


def _admission(catalogue: Catalogue, opened: WebhookToken) -> Admission:
    strategy = catalogue.strategies[opened.strategy]
    return Admission(
        strategy=opened.strategy,
        holder=opened.holder,
        is_owner=opened.holder == strategy.owner,
        dedupe_window=strategy.dedupe_window,
        recipients=tuple(map(_name, catalogue.recipients(opened))),
    )


def _name(link: Link) -> str:
    return strategy_account_name(link.strategy, link.account)
