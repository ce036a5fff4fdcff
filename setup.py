"""The compiled scanner of Kineto events. All else about the package is in pyproject.toml."""

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

FOLDER = "crossprof/ingest"


class OptionalBuild(build_ext):
    """Without a C compiler everything works as well, and Kineto JSON is read at half the speed."""

    def build_extension(self, ext: Extension) -> None:
        """Build it, or say in one line that it was not."""
        try:
            super().build_extension(ext)
        except Exception:
            self.warn("no working C compiler: Kineto JSON will be read at half the speed, and all else is the same")


setup(
    cmdclass={"build_ext": OptionalBuild},
    ext_modules=[
        Extension(
            "crossprof.ingest._event_scan",  # loaded by ctypes: it needs no headers of Python
            sources=[f"{FOLDER}/event_{part}.c" for part in ("json", "members", "scan", "table", "value")],
            depends=[f"{FOLDER}/event_{part}.h" for part in ("json", "members", "table", "value")],
            # It computes as DuckDB does: no product and sum in one rounding.
            extra_compile_args=["-std=c11", "-O2", "-flto", "-fvisibility=hidden", "-ffp-contract=off"],
            extra_link_args=["-O2", "-flto", "-lm"],
            optional=True,
        )
    ],
)
