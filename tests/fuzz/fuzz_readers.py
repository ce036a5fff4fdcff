"""Coverage-guided fuzzing of the readers: `make fuzz`, or this file with folders of inputs and the options of libFuzzer."""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[2]))

# The parts written in Python; SQL has no coverage to guide by.
with atheris.instrument_imports(
    include=[
        f"crossprof.ingest.{name}"
        for name in (
            "event_text",
            "event_map",
            "event_scan",
            "kineto_chunk",
            "source",
            "xplane_arrays",
            "xplane_stats",
            "xplane_tables",
        )
    ]
):
    import crossprof.ingest.xplane_mapping  # noqa: F401 - its reader imports it when it reads
    from tests.fuzz.target import target


def main() -> None:
    """Fuzz until the time is over, or until an input crashes, hangs or fills the memory; that input is left as a file."""
    with target() as read:
        atheris.Setup(sys.argv, read)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
