"""`POST /api/v1/declarations`: a TOML declaration is applied to the running engine."""

from typing import Final

import falcon
import msgspec

from orderwright.actors.catalogue_desk import CatalogueRefused
from orderwright.actors.declarations import DeclarationRefused
from orderwright.actors.switchboard import Switchboard
from orderwright.eventstore.store import EventStoreError
from orderwright.http.admission import administrator
from orderwright.http.bodies import read_body
from orderwright.http.problems import refusal

MAX_BODY_BYTES: Final = 4 * 1_048_576


class Declarations:
    """For administrators only. New tokens are in this one answer and nowhere else."""

    def __init__(self, switchboard: Switchboard) -> None:
        self._switchboard = switchboard

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer with the new tokens, and with a line for each thing that was changed."""
        by = administrator(self._switchboard.catalogue(), req)
        text = _text(read_body(req, MAX_BODY_BYTES))
        try:
            applied = self._switchboard.apply_declaration(text, by=by)
        except DeclarationRefused as exc:
            faults = [{"key": fault.key, "error": fault.error} for fault in exc.faults]
            raise refusal("declaration_refused", extra={"faults": faults}, why=_one_line(exc)) from exc
        except CatalogueRefused as exc:
            raise refusal("declaration_refused", why=_one_line(exc)) from exc
        except EventStoreError as exc:
            raise refusal("store_unavailable") from exc
        resp.data = msgspec.json.encode(applied)


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise refusal("declaration_refused", reason="not_utf8") from exc


def _one_line(error: Exception) -> str:
    return "; ".join(str(error).splitlines())
