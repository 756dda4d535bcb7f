"""The audit of dependencies says yes only when each was looked up."""

import sys
from pathlib import Path

import pytest

from tests.repository.dependency_audit import audit

_FOUND = '{"dependencies": [{"name": "falcon", "version": "4.0", "vulns": []}]}'
_SKIPPED = '{"dependencies": [{"name": "falcon", "skip_reason": "Dependency not found"}]}'
_VULNERABLE = (
    '{"dependencies": [{"name": "falcon", "version": "1.0", '
    '"vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"], "description": ""}]}]}'
)


@pytest.mark.parametrize(
    ("out", "err", "code", "said"),
    [
        (_FOUND, "", 0, "1 pinned dependencies, none of them known to be vulnerable"),
        (_VULNERABLE, "Found 1 known vulnerability", 1, "falcon 1.0: PYSEC-1, fixed in 1.1"),
        (_SKIPPED, "", 2, "1 of 1 could not be looked up: falcon"),
        ('{"dependencies": []}', "", 2, "0 of 0 could not be looked up: "),
        ("", "requests.exceptions.ConnectionError: no route", 2, "requests.exceptions.ConnectionError: no route"),
    ],
)
def test_only_what_was_looked_up_counts(tmp_path: Path, out: str, err: str, code: int, said: str) -> None:
    program = tmp_path / "pip-audit"
    program.write_text(f"#!{sys.executable}\nimport sys\nprint({out!r})\nprint({err!r}, file=sys.stderr)\n")
    program.chmod(0o755)

    ended, heard = audit(str(program))

    assert ended == code
    assert heard.endswith(said)
