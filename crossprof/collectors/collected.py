"""What a recording collects, field by field: what it is, what it is for, and by which word it is left out."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["COLLECTED", "Collected"]


@dataclass(frozen=True)
class Collected:
    """One field of a run folder: the file, the field, why it is there, and the group of `leave_out` that it belongs to."""

    file: str
    field: str
    why: str
    leave_out: str | None = None


def _run(field: str, why: str, leave_out: str | None = None) -> Collected:
    return Collected("run.json", field, why, leave_out)


COLLECTED = (
    _run("schema", "the form of the file"),
    _run("crossprof_version", "which crossprof recorded"),
    _run("run_id", "what ties the ranks of a run together: time of the start, name of the run, six random digits"),
    _run("run", "the name that you gave, or that of the function or script"),
    _run("status", "whether the run came to its end"),
    _run("error", "the exception that ended it: type and message", "errors"),
    _run("rank", "which process of the job"),
    _run("local_rank", "which process on its host"),
    _run("world_size", "how many processes the job has"),
    _run("framework", "whose profiler recorded"),
    _run("framework_version", "figures of two versions differ"),
    _run("versions", "the same, of some twenty packages that decide speed"),
    _run("model", "as you gave it"),
    _run("precision", "as you gave it"),
    _run("phase", "as you gave it"),
    _run("batch_size", "as you gave it"),
    _run("config", "as you gave it"),
    _run("tags", "as you gave them"),
    _run("started_ns", "when the run began"),
    _run("ended_ns", "when it ended"),
    _run("host.name", "which machine: figures of two differ", "host"),
    _run("host.boot_id", "whether two processes share a clock; random, new at each boot"),
    _run("host.os", "system and kernel"),
    _run("host.cpu_model", "what the host's share of a step ran on"),
    _run("host.cpu_count", "how many processors the process may use"),
    _run("host.memory_bytes", "how much memory the host has"),
    _run("host.cpu_limit", "how many processors its control group allows"),
    _run("host.memory_limit_bytes", "how much memory its control group allows"),
    _run("process.pid", "whether the recording is still under way"),
    _run("process.pid_namespace", "whether that number means anything here: containers count anew"),
    _run("process.python_version", "figures of two versions differ"),
    _run("process.argv", "how the script was called; values of options named like a secret are blanked", "arguments"),
    _run("devices", "model, memory and UUID of each accelerator, and the CPU: what telemetry is joined by"),
    _run("git", "commit, branch, and whether files were changed: what code ran", "git"),
    _run("links", "runs of other trackers that go with this one: address, id, or log directory", "paths"),
    _run("links", "where a log directory is named by the host, as TensorBoard's are", "host"),
    _run(
        "environment", "a fixed list of variables that decide speed and memory (allocators, threads, XLA, NCCL)", "environment"
    ),
    _run("options_requested", "the options of the profiler that you gave"),
    _run("options_effective", "those that were in force"),
    _run("units", "the units of the readings"),
    _run("clock", "the same instants on three clocks, to align them"),
    _run("captures", "each profiling window: why it was taken, its steps, times, size and files"),
    _run("steps", "how many steps, bare and profiled"),
    _run("sampler", "how often telemetry was read, and what that cost"),
    _run("findings", "what went wrong in recording"),
    Collected("steps.jsonl", "step, start_ns, end_ns, state, capture, samples, tokens", "the times of every step"),
    Collected(
        "samples.jsonl",
        "at_ns, perf_ns, cost_ns, source, device, device_id, values",
        "load, memory, power and clocks of GPUs, CPU, process",
    ),
    Collected("capture-<n>/", "names and shapes of operators, kernels and calls, no values of tensors", "where the time goes"),
    Collected("capture-<n>/", "name of the host", "written by the profiler", "host"),
    Collected(
        "capture-<n>/",
        "paths of the trace and, with stacks or in XLA programs, of source files",
        "written by the profiler",
        "paths",
    ),
)
"""Everything in a run folder. A test compares it with a recording."""
