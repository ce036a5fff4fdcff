"""Exports: a run, or some of its ranks and steps, as a file that other tools open."""

from crossprof.store.export.parquet import write_parquet, write_parquet_archive
from crossprof.store.export.perfetto import write_perfetto
from crossprof.store.export.selection import Selection
from crossprof.store.export.speedscope import bounded, write_speedscope
from crossprof.store.export.staged import staged

__all__ = [
    "Selection",
    "bounded",
    "staged",
    "write_parquet",
    "write_parquet_archive",
    "write_perfetto",
    "write_speedscope",
]
