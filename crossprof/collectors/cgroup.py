"""The control groups of this process: what a container lets it have, and how often it had to wait for that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from crossprof.collectors.fields import FieldAbsent, Reading

__all__ = ["UNITS", "Cgroup", "text_of"]

UNITS = {"container.memory.usage": "By", "container.cpu.throttled.time": "s"}

_UNLIMITED = 1 << 60
"""The first version writes a limit near 2^63 where there is none."""


class Cgroup:
    """The groups of this process, of the second version of Linux's control groups or of the first, under a root directory."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._memory = list(self._groups("memory"))
        self._cpu = list(self._groups("cpu"))

    def cpu_limit(self) -> float | None:
        """The cores that the process may use at once, the least of its group and those around it. None: all."""
        limits = []
        for group in self._cpu:
            first = [text_of(group / name) or "max" for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")]
            quota, period = (text_of(group / "cpu.max") or " ".join(first)).split()
            if quota != "max" and int(quota) > 0:
                limits.append(int(quota) / int(period))
        return min(limits, default=None)

    def memory_limit(self) -> int | None:
        """The bytes that the process may use, the least of its group and those around it. None: all."""
        texts = [text_of(group / "memory.max") or text_of(group / "memory.limit_in_bytes") for group in self._memory]
        limits = [int(text) for text in texts if text and text != "max"]
        return min((limit for limit in limits if limit < _UNLIMITED), default=None)

    def read(self) -> Reading:
        """Memory of the group, its cached files included, and the time that its threads waited for their share of the CPU.

        Raises FieldAbsent: there is no such group.
        """
        reading = {}
        if self._memory:
            used = text_of(self._memory[0] / "memory.current") or text_of(self._memory[0] / "memory.usage_in_bytes")
            if used:
                reading["container.memory.usage"] = float(used)
        if self._cpu:
            told = dict(line.split() for line in (text_of(self._cpu[0] / "cpu.stat") or "").splitlines())
            if "throttled_usec" in told:
                reading["container.cpu.throttled.time"] = int(told["throttled_usec"]) / 1e6
            elif "throttled_time" in told:
                reading["container.cpu.throttled.time"] = int(told["throttled_time"]) / 1e9
        if not reading:
            raise FieldAbsent("no control group")
        return reading

    def _groups(self, controller: str) -> Iterator[Path]:
        """The group of a controller that this process is in, then those around it, as far as they are mounted here."""
        groups = {line.split(":", 2)[1]: line.split(":", 2)[2] for line in self._lines("proc/self/cgroup")}
        own = next((path for names, path in groups.items() if controller in names.split(",")), None)
        kind = "cgroup" if own is not None else "cgroup2"
        path = own if own is not None else groups.get("")
        for line in self._lines("proc/self/mountinfo"):
            before, _, after = line.partition(" - ")
            fields, mounted = before.split(), after.split()  # a mount may have no source: two words follow, not three
            if (
                not mounted
                or path is None
                or mounted[0] != kind
                or (kind == "cgroup" and controller not in mounted[-1].split(","))
            ):
                continue
            yield from self._upwards(self._root / fields[4].lstrip("/"), path, fields[3])
            return

    @staticmethod
    def _upwards(mount: Path, path: str, root: str) -> Iterator[Path]:
        """A mount shows its group `root` and what is in it; a path outside of it means the mount itself."""
        inside = path.removeprefix(root).lstrip("/") if path.startswith(root) else ""
        group = mount / inside
        if not group.is_dir():
            group = mount
        yield group
        while group != mount:
            group = group.parent
            yield group

    def _lines(self, path: str) -> list[str]:
        return (text_of(self._root / path) or "").splitlines()


def text_of(path: Path) -> str | None:
    """What stands in a file of the kernel; None: there is none, or not for us."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None
