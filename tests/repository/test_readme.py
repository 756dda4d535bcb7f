"""The README's tour, run from top to bottom as a reader would."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
_FENCE = re.compile(r"```(sh|toml)\n(.*?)```", re.DOTALL)
_PORT = "8080"


def tour(folder: Path) -> str:
    """Return the tour as one script; tables of TOML are written to the file that the text before them names."""
    steps = [
        "set -euo pipefail",
        "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT",
        f'PATH="{Path(sys.executable).parent}:$PATH"',
        f'cd "{folder}"',
    ]
    for fence in _FENCE.finditer(README):
        kind, text = fence.groups()
        if kind == "toml":
            name = re.findall(r"`([\w.-]+\.toml)`", README[: fence.start()])[-1]
            steps.append(f"cat > {name} <<'END'\n{text}END")
        elif "make env" not in text:
            steps.append(text)
    return "\n".join(steps)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.mark.slow
@pytest.mark.ci_slice
def test_the_tour_of_the_readme_can_be_walked(open_folder: Path) -> None:
    folder = open_folder / "tour"
    folder.mkdir(mode=0o711)
    port = str(_free_port())
    script = tour(folder).replace(_PORT, port)
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=100, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing to change." in done.stdout
    assert f"ready at http://127.0.0.1:{port}" in done.stdout
    assert done.stdout.count('"order_status":"FILLED"') == 2
    assert "The log is what was written" in done.stdout


def test_every_command_of_the_readme_is_one_that_there_is() -> None:
    named = set(re.findall(r"`orderwright ([a-z-]+)", README)) | set(
        re.findall(r"^orderwright ([a-z-]+)", README, re.MULTILINE)
    )
    shown = subprocess.run(
        [Path(sys.executable).with_name("orderwright"), "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert {name for name in named if name not in shown} == set()


def test_every_target_the_readme_and_the_guide_name_is_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    text = README + (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    for target in set(re.findall(r"\bmake ([a-z]+)\b(?= *(?:#|`|$))", text, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_link_between_pages_leads_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
