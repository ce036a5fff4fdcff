"""The settings that come from the environment: one table, read by the code, the docs and their test.

Explicit arguments win over the environment. Standard library only: the training process imports this file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["SETTINGS", "Setting", "get", "is_on", "store_path"]


@dataclass(frozen=True)
class Setting:
    """One environment variable: its name, its default (None: unset), what it does."""

    name: str
    default: str | None
    help: str


SETTINGS = (
    Setting("CROSSPROF_STORE", "~/.crossprof", "Directory of the store."),
    Setting(
        "CROSSPROF_HOST", "127.0.0.1", "Address that `crossprof serve` binds. Any but a loopback address needs CROSSPROF_TOKEN."
    ),
    Setting("CROSSPROF_PORT", "8050", "Port that `crossprof serve` binds."),
    Setting("CROSSPROF_TOKEN", None, "Token that a browser or client must present when `serve` listens beyond this machine."),
    Setting("CROSSPROF_ALLOWED_HOSTS", None, "Further Host names that `serve` answers to, separated by commas."),
    Setting(
        "CROSSPROF_RUN_ID", None, "Run id shared by all ranks of a job. Default: from the launcher, else agreed through a file."
    ),
    Setting("CROSSPROF_DISABLE", "0", "1 turns every decorator, context manager and step marker into a no-op."),
    Setting("CROSSPROF_STRICT", "0", "1 raises a profiler's failure as CollectorError instead of recording a finding."),
    Setting(
        "CROSSPROF_LEAVE_OUT",
        None,
        "What recordings leave out, by commas: arguments, environment, errors, git, host, paths: `crossprof show --collected`.",
    ),
    Setting("CROSSPROF_RECORD", None, "Set by `crossprof record` for the processes that it starts: what they are to record."),
    Setting("CROSSPROF_INGEST", "1", "0 leaves a finished recording in the store's recordings/ for a later command."),
    Setting(
        "CROSSPROF_CATEGORY_RULES",
        None,
        "CSV file with rules of your own for categories of kernels and operators, tried before ours.",
    ),
    Setting("CROSSPROF_WAIT", "60", "Seconds that a training process waits at exit for its recordings to be ingested."),
    Setting(
        "CROSSPROF_SQL",
        "all",
        "What the SQL page may read: `all` views; `native`, tables that the catalog holds alone, as where the kernel lacks "
        "Landlock; or `off`.",
    ),
    Setting("CROSSPROF_SQL_SECONDS", "30", "Seconds after which a query of the SQL page is stopped."),
    Setting("CROSSPROF_DEMO_SERVE", "1", "0 ends `crossprof demo` after printing the comparison."),
)

_DEFAULTS = {setting.name: setting.default for setting in SETTINGS}


def get(name: str) -> str | None:
    """The value of a setting: the environment's, else its default. Raises KeyError for a name not in SETTINGS."""
    default = _DEFAULTS[name]
    value = os.environ.get(name, "")
    return value if value else default


def is_on(name: str) -> bool:
    """Whether a 0/1 setting is on. Anything but 0, false, no and off counts as on."""
    return (get(name) or "0").strip().lower() not in {"0", "false", "no", "off"}


def store_path(path: str | os.PathLike[str] | None = None) -> Path:
    """The absolute path of the store: the argument, else CROSSPROF_STORE, else ~/.crossprof."""
    return Path(path if path is not None else get("CROSSPROF_STORE") or "~/.crossprof").expanduser().absolute()
