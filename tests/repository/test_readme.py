"""The README, the tutorial and the how-to pages, walked from top to bottom as a reader would."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.repository.walk import ROOT, steps, walk

README = (ROOT / "README.md").read_text("utf-8")
HOW_TO = ROOT / "docs" / "how-to"
KEEPING = ["anchors.md", "backup.md"]

_UNTIL_SERVED = "/health/ready"


@pytest.mark.slow
@pytest.mark.ci_slice
def test_the_tour_of_the_readme_can_be_walked(open_folder: Path) -> None:
    done, port = walk(steps(ROOT / "README.md"), open_folder / "tour")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing to change." in done.stdout
    assert f"ready at http://127.0.0.1:{port}" in done.stdout
    assert done.stdout.count('"order_status":"FILLED"') == 2
    assert "The log is what was written" in done.stdout


@pytest.mark.slow
@pytest.mark.ci_slice
def test_the_tutorial_can_be_walked(open_folder: Path) -> None:
    done, _ = walk(steps(ROOT / "docs" / "tutorial" / "index.md"), open_folder / "tutorial")
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"order_status": "FILLED"' in done.stdout
    assert '"duplicate":true' in done.stdout
    assert done.stdout.count('"order_type":"LIMIT"') == 2
    assert '"cancelled_orders":2' in done.stdout
    assert done.stdout.count(" fill_recorded ") == 2
    assert "The log is what was written" in done.stdout


@pytest.mark.slow
@pytest.mark.ci_slice
def test_the_how_to_pages_can_be_walked_after_the_tour(open_folder: Path) -> None:
    tour = steps(ROOT / "README.md")
    served = next(number for number, step in enumerate(tour) if _UNTIL_SERVED in step) + 1
    pages = ["declare.md", "operate.md", "audit.md", "recover.md"]
    done, _ = walk([*tour[:served], *(step for page in pages for step in steps(HOW_TO / page))], open_folder / "how-to")
    assert done.returncode == 0, done.stdout + done.stderr
    for change in ("strategy swing", "link test1 on A2", "token for test1 to bob", "user bob"):
        assert f"changed: {change}\n" in done.stdout
    assert done.stdout.count('"done":true') == 6
    assert " trading_paused by=admin why=maintenance at the exchange" in done.stdout
    assert '"what": "order_requested"' in done.stdout
    assert done.stdout.count("ready at http://") == 2
    assert done.stdout.count("The log is what was written") == 2


@pytest.mark.slow
@pytest.mark.ci_slice
def test_the_pages_on_keeping_a_log_can_be_walked_after_the_tour(open_folder: Path) -> None:
    tour = steps(ROOT / "README.md")
    served = next(number for number, step in enumerate(tour) if _UNTIL_SERVED in step) + 1
    done, _ = walk([*tour[:served], *(step for page in KEEPING for step in steps(HOW_TO / page))], open_folder / "keep")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("is the one that was anchored at") == 3
    assert "restored in a temporary place and verified" in done.stdout
    assert "all verified" in done.stdout


def test_every_page_that_can_be_walked_is() -> None:
    pages = {page.name for page in HOW_TO.glob("*.md") if steps(page)}
    assert pages == {"declare.md", "operate.md", "audit.md", "recover.md", *KEEPING}


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
