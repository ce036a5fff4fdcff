"""The id of a run: one that all its ranks find without waiting for each other."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import secrets
import time
from pathlib import Path

from crossprof import settings
from crossprof.collectors.ranks import Rank

__all__ = ["free_id", "fresh_id", "path_safe", "run_id"]

_SPENT_AFTER_S = 600
"""Ranks of one job start within this time of each other; an older agreement belongs to an earlier job."""


def run_id(name: str, call: int, *, rank: Rank, recordings: Path) -> str:
    """The id of the `call`-th run of a name in this process, the same on every rank of the job."""
    given = settings.get("CROSSPROF_RUN_ID")
    if given:
        return path_safe(given if call == 1 else f"{given}-{call}")
    if rank.world_size == 1:
        return fresh_id(name)
    launched = _launcher_id()
    if launched:
        return path_safe(f"{launched}-{name}-{call}")
    return _agreed_id(name, call, rank=rank, recordings=recordings)


def free_id(wanted: str, *, rank: Rank, recordings: Path) -> str:
    """The id, or its first numbered variant under which this rank recorded nothing yet: a job that is started once more."""
    variants = itertools.chain([wanted], (f"{wanted}-{number}" for number in itertools.count(2)))
    return next(variant for variant in variants if not (recordings / variant / f"rank-{rank.rank}").exists())


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


def _agreed_id(name: str, call: int, *, rank: Rank, recordings: Path) -> str:
    """The id in a file that the first rank to come writes.

    A rank that finds itself already noted, or the file old, belongs to a later job at the same address and takes the next file.
    """
    key = hashlib.sha256(repr((_job_address(), rank.world_size, name, call)).encode()).hexdigest()[:16]
    for generation in itertools.count():
        agreement = recordings / ".agreements" / f"{key}.{generation}"
        agreement.mkdir(parents=True, exist_ok=True)
        written = agreement / "id"
        if written.exists() and time.time() - written.stat().st_mtime > _SPENT_AFTER_S:
            continue
        if _create(agreement / f"rank-{rank.rank}", ""):
            return _first_written(written, fresh_id(name))
    raise AssertionError("unreachable")


def _job_address() -> list[str]:
    """What all ranks of a job share, and two jobs at one time don't."""
    try:
        cluster = json.dumps(json.loads(os.environ.get("TF_CONFIG", ""))["cluster"], sort_keys=True)
    except (ValueError, KeyError, TypeError):
        cluster = ""
    return [*(os.environ.get(name, "") for name in ("MASTER_ADDR", "MASTER_PORT", "JAX_COORDINATOR_ADDRESS")), cluster]


def _first_written(path: Path, candidate: str) -> str:
    """The candidate where this process makes the file, else what another wrote there within two seconds."""
    if _create(path, candidate):
        return candidate
    for _ in range(200):
        text = path.read_text(encoding="utf-8")
        if text:
            return text
        time.sleep(0.01)
    return candidate


def _create(path: Path, text: str) -> bool:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return True
