"""Applying a declaration to the catalogue, on a running engine or on a stopped one."""

from msgspec import Struct

from orderwright.actors.catalogue_desk import CatalogueDesk
from orderwright.auth.tokens import TokenKind, new_token, token_hash
from orderwright.clock import Clock
from orderwright.config.reading import Fault
from orderwright.engine.catalogue.declaration import IssuedToken, plan, read_declaration
from orderwright.errors import OrderwrightError


class DeclarationRefused(OrderwrightError):
    """The declaration cannot be applied; `faults` are all that is wrong with it."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


class Applied(Struct, frozen=True, kw_only=True):
    """What a declaration changed: new tokens (shown once), and a sentence per change."""

    tokens: tuple[IssuedToken, ...]
    changed: tuple[str, ...]


def apply_declaration(desk: CatalogueDesk, text: str, *, by: str, clock: Clock) -> Applied:
    """Lead the catalogue to what the declaration says; applied twice, nothing changes.

    Raises:
        DeclarationRefused: with everything that is wrong.
        EventStoreError: the log cannot be written.
    """
    declaration = read_declaration(text)
    if isinstance(declaration, list):
        raise DeclarationRefused(declaration)
    steps = plan(desk.catalogue, declaration, by=by, now=clock.now(), new_token=_new_webhook_token)
    if isinstance(steps, list):
        raise DeclarationRefused(steps)
    desk.change(steps.commands)
    return Applied(tokens=steps.tokens, changed=steps.changed)


def _new_webhook_token() -> tuple[str, str]:
    token = new_token(TokenKind.WEBHOOK)
    return token, token_hash(token)
