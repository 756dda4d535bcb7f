"""What the system allows the engine's process: as many descriptors as it may have, and no memory on disk."""

import resource


def set_process_limits() -> None:
    """Raise the limit on open descriptors to what the system allows, and leave no core file behind.

    A core file would hold the memory of the process with every secret in it.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    _, largest = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, largest))
