"""The id of a run: one that all its ranks find without waiting for each other."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from crossprof import settings
from crossprof.collectors.ranks import Rank

__all__ = ["fresh_id", "path_safe", "run_id"]

_SPENT_AFTER_S = 600
"""Ranks of one job start within this time of each other; an older agreement belongs to an earlier job."""

_NAMED_SPENT_AFTER_S = 3600
"""The same where the job has an id: an earlier one under the same id is rare, and a rank may come late."""


def run_id(name: str, call: int, *, rank: Rank, store: Path) -> str:
    """The id of the `call`-th run of a name in this process, the same on every rank of the job, and of no earlier run.

    Makes the id's folder under `recordings/`, which is what keeps others from it.
    """
    given = settings.get("CROSSPROF_RUN_ID")
    if rank.world_size == 1:
        return _claimed(path_safe(given) if given else fresh_id(name), store)
    launched = _launcher_id()
    job = given or launched
    run = (given, launched, name, call)
    wanted = path_safe(f"{job}-{name}")[:100] + f"-{_digest(run)[:6]}" if job else fresh_id(name)
    key = _digest((run, _job_address(), rank.world_size))
    return _agreed(wanted, key=key, rank=rank, store=store, spent_after_s=_NAMED_SPENT_AFTER_S if job else _SPENT_AFTER_S)


def fresh_id(name: str) -> str:
    """A new id, sorted by time: the UTC time to the millisecond, the name, six random digits."""
    now = time.time()
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now)) + f"{int(now * 1000) % 1000:03d}"
    return f"{stamp}-{path_safe(name)[:48]}-{secrets.token_hex(3)}"


def path_safe(text: str) -> str:
    """The text with everything but letters, digits, dot, underscore and hyphen replaced, and no leading dot."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")[:120] or "run"


def _launcher_id() -> str | None:
    elastic = os.environ.get("TORCHELASTIC_RUN_ID", "none")
    if elastic != "none":
        return f"{elastic}-{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}"
    if os.environ.get("SLURM_JOB_ID") and os.environ.get("SLURM_STEP_ID"):
        restart = os.environ.get("SLURM_RESTART_COUNT", "0")
        return f"slurm-{os.environ['SLURM_JOB_ID']}.{os.environ['SLURM_STEP_ID']}-{restart}"
    namespace = os.environ.get("PMIX_NAMESPACE") or os.environ.get("OMPI_MCA_ess_base_jobid")  # noqa: SIM112 - its very name
    return f"mpi-{namespace}" if namespace else None


def _agreed(wanted: str, *, key: str, rank: Rank, store: Path, spent_after_s: float) -> str:
    """The id in a file that the first rank to come writes.

    A rank that finds itself already noted, or the file old, belongs to a later job at the same address and takes the next file.
    """
    for generation in itertools.count():
        agreement = store / "recordings" / ".agreements" / f"{key}.{generation}"
        agreement.mkdir(parents=True, exist_ok=True)
        written = agreement / "id"
        if written.exists() and time.time() - written.stat().st_mtime > spent_after_s:
            continue
        if _create(agreement / f"rank-{rank.rank}"):
            return _first_written(written, lambda: _claimed(wanted, store))
    raise AssertionError("unreachable")


def _claimed(wanted: str, store: Path) -> str:
    """The id, or its first numbered variant that no run of the store has, recorded or ingested; its folder is made."""
    recordings = store / "recordings"
    recordings.mkdir(parents=True, exist_ok=True)
    for variant in itertools.chain([wanted], (f"{wanted}-{number}" for number in itertools.count(2))):
        if (store / "artifacts" / variant).exists() or (store / "runs" / f"run_id={variant}").exists():
            continue
        with suppress(FileExistsError):
            (recordings / variant).mkdir()
            return variant
    raise AssertionError("unreachable")


def _digest(parts: tuple[object, ...]) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _job_address() -> list[str]:
    """What all ranks of a job share, and two jobs at one time don't."""
    try:
        cluster = json.dumps(json.loads(os.environ.get("TF_CONFIG", ""))["cluster"], sort_keys=True)
    except (ValueError, KeyError, TypeError):
        cluster = ""
    return [*(os.environ.get(name, "") for name in ("MASTER_ADDR", "MASTER_PORT", "JAX_COORDINATOR_ADDRESS")), cluster]


def _first_written(path: Path, choose: Callable[[], str]) -> str:
    """What this process chooses where it makes the file, else what another wrote there within two seconds."""
    if _create(path):
        chosen = choose()
        path.write_text(chosen, encoding="utf-8")
        return chosen
    for _ in range(200):
        text = path.read_text(encoding="utf-8")
        if text:
            return text
        time.sleep(0.01)
    return choose()


def _create(path: Path) -> bool:
    """Whether this process made the file, empty; one of many does."""
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
