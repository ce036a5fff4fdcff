import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import duckdb
import pytest

TESTS = Path(__file__).parent
BENCHMARKS = TESTS.parent / "benchmarks"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="Write what the tests found as the golden files.")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compares text with a golden file; with --update-golden writes the file instead."""

    def check(path: Path, text: str) -> None:
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        assert path.exists(), f"{path} is missing: pytest --update-golden writes it"
        assert text == path.read_text("utf-8")

    return check


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    """The module store/tiny.py: three hand-checked runs."""
    return _loaded(TESTS / "store" / "tiny.py")


@pytest.fixture(scope="session")
def tiny_runs(tiny: ModuleType) -> Iterator[duckdb.DuckDBPyConnection]:
    """The tiny runs, rolled up. Read only."""
    with tiny.rolled_up() as connection:
        yield connection


@pytest.fixture(scope="session")
def synthetic() -> ModuleType:
    """The module dashboard/synthetic.py: made-up runs for everything that is looked at."""
    return _loaded(TESTS / "dashboard" / "synthetic.py")


@pytest.fixture(scope="session")
def synthetic_store(synthetic: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published store of the made-up runs. Read only."""
    path: Path = synthetic.write_store(tmp_path_factory.mktemp("synthetic"))
    return path


@pytest.fixture(scope="session")
def spread() -> ModuleType:
    """The module dashboard/spread.py: made-up runs of several ranks, with memory, on several numbers of devices."""
    return _loaded(TESTS / "dashboard" / "spread.py")


@pytest.fixture(scope="session")
def spread_store(spread: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published store of these. Read only."""
    path: Path = spread.write_spread(tmp_path_factory.mktemp("spread"))
    return path


@pytest.fixture(scope="session")
def survey_report() -> ModuleType:
    """The module dashboard/survey_report.py: a made-up report on the survey."""
    return _loaded(TESTS / "dashboard" / "survey_report.py")


@pytest.fixture(scope="session")
def launches() -> ModuleType:
    """The module dashboard/launches.py: two runs whose kernels know their launches."""
    return _loaded(TESTS / "dashboard" / "launches.py")


@pytest.fixture(scope="session")
def launches_store(launches: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published store of those runs. Read only."""
    path: Path = launches.write_store(tmp_path_factory.mktemp("launches"))
    return path


@pytest.fixture(scope="session")
def fake_nvml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a library that stands in for NVML, for LD_LIBRARY_PATH: two GPUs, and one that is cut in two."""
    pytest.importorskip("pynvml")
    if shutil.which("gcc") is None or sys.platform != "linux":
        pytest.skip("builds a library with gcc")
    if Path("/proc/driver/nvidia").exists():
        pytest.skip("a real driver is here")
    folder = tmp_path_factory.mktemp("nvml")
    source = TESTS / "collectors" / "fake_nvml.c"
    command = ["gcc", "-shared", "-fPIC", "-Wl,-soname,libnvidia-ml.so.1", "-o", folder / "libnvidia-ml.so.1", source]
    subprocess.run(command, check=True, timeout=60)
    return folder


@pytest.fixture(scope="session")
def load_docs() -> Callable[[str], ModuleType]:
    """Loads a script of docs/."""
    return lambda name: _loaded(TESTS.parent / "docs" / f"{name}.py")


@pytest.fixture
def load_benchmark(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Loads a script of benchmarks/ under a name of its own, since `import ingest` would find the room."""

    def load(name: str) -> ModuleType:
        monkeypatch.syspath_prepend(str(BENCHMARKS))  # for growth.py beside it
        monkeypatch.delitem(sys.modules, f"script_{name}", raising=False)  # what a test changes in it stays there
        return _loaded(BENCHMARKS / f"{name}.py")

    return load


def _loaded(path: Path) -> ModuleType:
    """A file as a module, run once, under a name that no package has."""
    name = f"script_{path.stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)  # dataclasses look their module up
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]
