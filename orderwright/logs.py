"""Logging to stderr, as text or JSON lines, with secrets scrubbed whatever their way in."""

import json
import logging
import re
import sys
import time
from typing import Literal

_HIDDEN = "********"
_SECRETS = re.compile(
    r"(?P<token>\bow[ta]_[A-Za-z0-9_-]{4})[A-Za-z0-9_-]+"
    r"|(?P<bearer>\b(?:bearer|basic)\s+)(?!\*)[A-Za-z0-9+/=._~-]{8,}"
    r"|(?P<named>\b\w*(?:token|secret|password|passphrase|api[-_]?key|signature)[\"']?\s*[:=]\s*)"
    r"(?:\"[^\"]*\"|'[^']*'|(?!\")(?!')[^\s\"',&;}\])]+)"
    r"|(?P<login>://[^\s/@:]*:)[^\s/@]+(?=@)",
    re.IGNORECASE,
)
_AT_LEAST = {
    "ccxt": logging.INFO,  # below, it logs its keys
    "aiohttp": logging.INFO,
    "asyncio": logging.INFO,
    "apscheduler": logging.WARNING,  # below, every run of every job
    "httpx": logging.WARNING,  # below, every request
    "httpcore": logging.INFO,
}


def scrub(text: str) -> str:
    """Return the text with everything that looks like a token, a key or a password hidden."""
    return _SECRETS.sub(lambda match: next(filter(None, match.groups()), "") + _HIDDEN, text)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return scrub(super().format(record))


class _Json(logging.Formatter):
    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        moment = self.formatTime(record, "%Y-%m-%dT%H:%M:%S")
        line = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "thread": record.threadName,
            "message": scrub(record.getMessage()),
        }
        if record.exc_info:
            line["exception"] = scrub(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def configure_logging(level: str, form: Literal["text", "json"]) -> None:
    """Send everything of `level` and above to stderr; libraries that say too much have a higher level of their own."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name, least in _AT_LEAST.items():
        logging.getLogger(name).setLevel(max(least, logging.getLevelName(level)))
