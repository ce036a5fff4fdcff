"""Reads libtpu's monitoring in a process of its own, a JSON line each time: `tpu_reader.py INTERVAL PATIENCE METRIC...`.

Off Google's cloud a metric may hang for minutes and hold the interpreter's lock, so that neither a thread nor a signal ends
it: only the watchdog of faulthandler does, which needs no lock. The process ends with its standard input, as its parent does.
"""

from __future__ import annotations

import faulthandler
import json
import select
import sys


def main(interval_s: float, patience_s: float, wanted: list[str]) -> None:
    """Print what the wanted metrics say, those that this libtpu has, until standard input ends or one takes too long."""
    faulthandler.dump_traceback_later(patience_s, exit=True)
    from libtpu.sdk import tpumonitoring  # type: ignore[import-not-found]

    known = [name for name in wanted if name in tpumonitoring.list_supported_metrics()]
    while True:
        faulthandler.dump_traceback_later(patience_s, exit=True)
        told = {name: list(tpumonitoring.get_metric(name).data()) for name in known}
        faulthandler.cancel_dump_traceback_later()
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        if select.select([sys.stdin], [], [], interval_s)[0]:
            return


if __name__ == "__main__":
    main(float(sys.argv[1]), float(sys.argv[2]), sys.argv[3:])
