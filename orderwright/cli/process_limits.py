"""What the system allows the engine's process: enough descriptors, and no memory on disk."""

import resource

_DESCRIPTORS = 65_536
"""Plenty: every connection that is let in takes one, and `http.connection_limit` bounds those."""


def set_process_limits() -> None:
    """Raise the limit on open descriptors as far as the system lets us and as it is of use; leave no core file behind.

    A core file would hold the memory of the process with every secret in it.
    """
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if most == resource.RLIM_INFINITY else min(most, _DESCRIPTORS)
    if now != resource.RLIM_INFINITY and now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    _, largest = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, largest))
