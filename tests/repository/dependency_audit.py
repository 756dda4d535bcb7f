"""`make audit`: looks every pinned dependency up among the known vulnerabilities, and never takes silence for a yes.

pip-audit ends with success when it could not look a package up; here that is a failure that says so.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"

_OPTIONS = ("--no-deps", "--disable-pip", "--progress-spinner=off", "--format=json", "--vulnerability-service=osv")
_VULNERABLE, _UNKNOWN = 1, 2


def audit(pip_audit: str, constraints: Path = CONSTRAINTS) -> tuple[int, str]:
    """Return the exit code (0: none is known to be vulnerable) and what to say."""
    done = subprocess.run(
        [pip_audit, "--requirement", constraints, *_OPTIONS], capture_output=True, text=True, check=False
    )
    try:
        found = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        words = done.stderr.strip().splitlines() or ["it said nothing"]
        return _UNKNOWN, f"Nothing was audited: the vulnerability service was not reached. {words[-1]}"
    vulnerable = [
        f"{each['name']} {each['version']}: {known['id']}, fixed in {', '.join(known['fix_versions']) or 'no version'}"
        for each in found
        for known in each.get("vulns", [])
    ]
    skipped = [each["name"] for each in found if "skip_reason" in each]
    if vulnerable:
        return _VULNERABLE, "\n".join(vulnerable)
    if skipped or not found:
        return _UNKNOWN, f"{len(skipped)} of {len(found)} could not be looked up: {', '.join(skipped)}"
    return 0, f"{len(found)} pinned dependencies, none of them known to be vulnerable"


def main(words: Sequence[str]) -> int:
    """Audit with the pip-audit that is named; return the exit code."""
    code, said = audit(words[0])
    print(said)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
