"""The embedded server's configuration files: durable, quiet, sized for a two-core machine, no passwords at all."""

from collections.abc import Mapping, Sequence
from pathlib import Path

_SETTINGS: dict[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "40",
    "shared_buffers": "128MB",
    "maintenance_work_mem": "64MB",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "wal_level": "replica",
    "max_wal_senders": "4",
    "min_wal_size": "80MB",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "10min",
    "checkpoint_completion_target": "0.9",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "logging_collector": "on",
    "log_filename": "postgresql-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_min_messages": "warning",
    "log_startup_progress_interval": "5s",
    # A failed statement's text could carry what must not be in a log.
    "log_min_error_statement": "panic",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}


def settings_file(*, socket: Path, port: int, log: Path, other: Mapping[str, str]) -> str:
    """Return the text of postgresql.conf: our settings, where things are, and what was asked to differ."""
    settings = {
        **_SETTINGS,
        "port": str(port),
        "unix_socket_directories": str(socket),
        "log_directory": str(log),
        **other,
    }
    lines = [f"{name} = {_quoted(value)}" for name, value in settings.items()]
    return "\n".join(["# Written by Orderwright at every start.", *lines, ""])


def hba_file() -> str:
    """Return the text of pg_hba.conf: the Unix socket only, and the operating system says who is there."""
    return "local all all peer map=orderwright\n"


def ident_file(users: Sequence[str], *, roles: Sequence[str]) -> str:
    """Return the text of pg_ident.conf: these operating-system users may be any of these roles."""
    return "".join(f'orderwright "{user}" "{role}"\n' for user in users for role in roles)


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
