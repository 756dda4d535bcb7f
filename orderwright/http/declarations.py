"""`POST /api/v1/declarations`: a TOML declaration is applied to the running engine."""

from collections.abc import Sequence
from typing import Final

import falcon
import msgspec

from orderwright.actors.catalogue_desk import CatalogueRefused
from orderwright.actors.switchboard import Switchboard
from orderwright.auth.tokens import TokenKind, new_token, token_hash
from orderwright.config.reading import Fault
from orderwright.engine.catalogue.declaration import Plan, plan, read_declaration
from orderwright.eventstore.store import EventStoreError
from orderwright.http.admission import administrator
from orderwright.http.bodies import read_body
from orderwright.http.problems import RequestRefused, refusal

MAX_BODY_BYTES: Final = 4 * 1_048_576


class Declarations:
    """For administrators only. New tokens are in this one answer and nowhere else."""

    def __init__(self, switchboard: Switchboard) -> None:
        self._switchboard = switchboard

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer with the new tokens, and with a line for each thing that was changed."""
        by = administrator(self._switchboard.catalogue(), req)
        planned = self._plan(_text(read_body(req, MAX_BODY_BYTES)), by)
        try:
            self._switchboard.change_catalogue(planned.commands)
        except CatalogueRefused as exc:
            raise refusal("catalogue_refused", why=str(exc)) from exc
        except EventStoreError as exc:
            raise refusal("store_unavailable") from exc
        resp.data = msgspec.json.encode({"tokens": planned.tokens, "changed": planned.changed})

    def _plan(self, text: str, by: str) -> Plan:
        declaration = read_declaration(text)
        if isinstance(declaration, list):
            raise _faulty("declaration_invalid", declaration)
        planned = plan(
            self._switchboard.catalogue(), declaration, by=by, now=self._switchboard.now(), new_token=_new_token
        )
        if isinstance(planned, list):
            raise _faulty("catalogue_refused", planned)
        return planned


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise refusal("declaration_invalid", reason="not_utf8") from exc


def _faulty(code: str, faults: Sequence[Fault]) -> RequestRefused:
    told = [{"key": fault.key, "error": fault.error} for fault in faults]
    return refusal(code, extra={"faults": told}, why="; ".join(map(str, faults)))


def _new_token() -> tuple[str, str]:
    token = new_token(TokenKind.WEBHOOK)
    return token, token_hash(token)
