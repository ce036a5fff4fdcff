"""Ingest: trace files and recordings into parts of the store."""

from crossprof.ingest.ingest import IngestResult, Progress, ingest, pending

__all__ = ["IngestResult", "Progress", "ingest", "pending"]
