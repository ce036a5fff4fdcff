"""What every Python of `crossprof record` runs first: the sitecustomize that ours hides, then our own."""

import importlib.machinery
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - nothing is imported that the script might not want
_PACKAGES = os.path.dirname(os.path.dirname(os.path.dirname(_HERE)))  # noqa: PTH120


class _Crossprof:
    """Finds crossprof, and nothing else beside it, for an interpreter that has none installed."""

    @staticmethod
    def find_spec(name, path=None, target=None):  # type: ignore[no-untyped-def]  # noqa: ARG004
        return importlib.machinery.PathFinder.find_spec(name, [_PACKAGES]) if name == "crossprof" else None


def _run_the_replaced() -> None:
    """Import the sitecustomize that ours hides, if there is one."""
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != _HERE]  # noqa: PTH100
    ours = sys.modules.pop("sitecustomize", None)
    try:
        import sitecustomize  # type: ignore[import-not-found]  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "sitecustomize":
            raise
        if ours is not None:
            sys.modules["sitecustomize"] = ours


try:
    _run_the_replaced()
finally:
    sys.meta_path.append(_Crossprof)
    try:
        from crossprof.collectors.unchanged import record_this_process

        record_this_process()
    except Exception as error:
        sys.stderr.write(f"crossprof: this process is not recorded: {error}\n")
