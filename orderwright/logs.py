"""Logging to stderr, as text or JSON lines, with secrets scrubbed whatever their way in."""

import json
import logging
import re
import sys
from typing import Literal

_SECRETS = re.compile(
    r"(ow[ta]_[A-Za-z0-9_-]{4})[A-Za-z0-9_-]+"
    r"|((?:bearer|token|secret|password|passphrase|api[-_]?key|signature)[\"']?\s*[:=]\s*[\"']?)[^\s\"',&;]+",
    re.IGNORECASE,
)


def scrub(text: str) -> str:
    """Return the text with everything that looks like a token, a key or a password hidden."""
    return _SECRETS.sub(lambda match: f"{match[1] or match[2]}********", text)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return scrub(super().format(record))


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return scrub(json.dumps(line, ensure_ascii=False))


def configure_logging(level: str, form: Literal["text", "json"]) -> None:
    """Send everything of `level` and above to stderr; ccxt never below INFO, since it logs its keys there."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("ccxt", "urllib3", "aiohttp", "asyncio"):
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLevelName(level)))
