"""What the engine's process may do is set at its start, whatever it was started with."""

import json
import subprocess
import sys

_PROGRAM = """
import json, resource
from orderwright.cli.process_limits import set_process_limits
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (256, most))
set_process_limits()
print(json.dumps([resource.getrlimit(resource.RLIMIT_NOFILE), most, resource.getrlimit(resource.RLIMIT_CORE)]))
"""


def test_descriptors_are_raised_to_what_is_of_use_and_no_core_file_is_left() -> None:
    told = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True).stdout

    (descriptors, hard), most, (core, _) = json.loads(told)

    assert hard == most
    assert descriptors == (65_536 if most == -1 else min(most, 65_536))
    assert core == 0
