"""Walks a page as a reader would: its blocks of `sh` and `toml`, in order, as one script in an empty folder.

Nothing of a page is changed but the port 8080, which becomes a free one. Blocks of TOML are written to the file that
the text before them names last. Blocks that make the environment are left out: the tests run in one.
"""

import re
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]
PORT = "8080"

_FENCE = re.compile(r"```(sh|toml)\n(.*?)```", re.DOTALL)
_FILE = re.compile(r"`([\w.-]+\.toml)`")


def steps(page: Path) -> list[str]:
    """Return what a page has its reader do, as pieces of a script."""
    text, found = page.read_text("utf-8"), []
    for fence in _FENCE.finditer(text):
        kind, content = fence.groups()
        if kind == "toml":
            name = _FILE.findall(text[: fence.start()])[-1]
            found.append(f"cat > {name} <<'END'\n{content}END")
        elif "make env" not in content:
            found.append(content)
    return found


def walk(pieces: Iterable[str], folder: Path) -> tuple["subprocess.CompletedProcess[str]", str]:
    """Run the pieces in a new folder; return how it went and the port that took the place of 8080."""
    folder.mkdir(mode=0o711)
    port = _free_port()
    script = "\n".join(
        [
            "set -euo pipefail",
            "trap 'kill $(jobs -p) 2>/dev/null && wait || true' EXIT",
            f'PATH="{Path(sys.executable).parent}:$PATH"',
            f'cd "{folder}"',
            *pieces,
        ]
    ).replace(PORT, port)
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=110, check=False, stdin=subprocess.DEVNULL
    )
    return done, port


def _free_port() -> str:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])
