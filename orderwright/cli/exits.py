"""Exit codes: scripts may rely on them, `docs/reference/cli.md` lists them."""

from typing import Final

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
BAD_CONFIGURATION: Final = 3
NOT_SET_UP: Final = 4
LEASE_HELD: Final = 5
LOG_BROKEN: Final = 6
REFUSED: Final = 7
INTERRUPTED: Final = 130
