"""What is collected is what the list says, and what is to be left out is nowhere in the folder."""

from __future__ import annotations

import gzip
import json
import platform
import sys
from pathlib import Path

import pytest

import crossprof
from crossprof.cli import main
from crossprof.collectors import registry
from crossprof.collectors.collected import COLLECTED
from crossprof.collectors.privacy import GROUPS, Privacy
from tests.collectors.fakes import FakeCollector

SECRET_HOST = "gpu-node-17"


@pytest.fixture
def private(fake: FakeCollector, monkeypatch: pytest.MonkeyPatch) -> FakeCollector:
    """A host with a name, and a profiler that writes it with the trace's path, in both formats."""
    monkeypatch.setattr(platform, "node", lambda: SECRET_HOST)
    monkeypatch.setattr(sys, "argv", [str(Path.cwd() / "deep" / "train.py"), "--data", str(Path.home() / "sets" / "a.txt")])

    def export() -> list[Path]:
        trace = fake.directory / "trace.json"
        trace.write_text(json.dumps({"traceEvents": [], "traceName": str(trace), "host_name": SECRET_HOST}))
        plane = fake.directory / "plugins" / f"{SECRET_HOST}.xplane.pb"
        plane.parent.mkdir()
        name = SECRET_HOST.encode()
        plane.write_bytes(b"\x0a\x04\x12\x02hi" + b'R\x20"' + str(plane.parent).encode() + b'"' + bytes([len(name)]) + name)
        return [trace, plane]

    monkeypatch.setattr(fake, "export", export)
    return fake


def everything(folder: Path) -> bytes:
    files = [path for path in folder.rglob("*") if path.is_file()]
    names = "\n".join(str(path.relative_to(folder)) for path in files).encode()
    return names + b"".join(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in files)


def train(**options: object) -> None:
    with crossprof.profile("run", schedule=(0, 0, 0, 1), **options):
        for _ in crossprof.steps(range(3)):
            pass


def test_without_a_word_all_of_it_is_there(private, recorded):
    train()
    (one,) = recorded()
    held = everything(one.path)
    assert held.count(SECRET_HOST.encode()) == 5
    assert str(Path.cwd()).encode() in held
    assert one.run["process"]["argv"] == sys.argv


@pytest.mark.parametrize("way", ["option", "setting"])
def test_all_that_is_left_out_is_nowhere(private, recorded, monkeypatch, way, tmp_path):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    if way == "setting":
        monkeypatch.setenv("CROSSPROF_LEAVE_OUT", " host, paths,environment ,errors,git")
    options = {"leave_out": ["host", "paths", "environment", "errors", "git"]} if way == "option" else {}

    @crossprof.profile("run", schedule=(0, 0, 0, 1), **options)
    def fail():
        list(crossprof.steps(range(3)))
        raise LookupError(f"no such thing in {tmp_path}")

    with pytest.raises(LookupError):
        fail()
    (one,) = recorded()
    held = everything(one.path)
    for word in (SECRET_HOST, str(Path.cwd()), str(Path.home()), str(tmp_path), sys.prefix):
        assert word.encode() not in held
    assert one.run["host"]["name"] is None
    assert (one.run["environment"], one.run["git"], one.run["error"]) == ({}, None, "LookupError")
    argv = one.run["process"]["argv"]
    assert [Path(argv[0]).name, argv[1], Path(argv[2]).name] == ["train.py", "--data", "a.txt"]
    assert [Path(name).name for name in one.run["captures"][0]["files"]] == ["trace.json.gz", "host.xplane.pb"]
    assert b'"traceEvents": []' in held


def test_arguments_are_left_out(private, recorded):
    train(leave_out=["arguments"])
    (one,) = recorded()
    assert one.run["process"]["argv"] == []
    assert one.run["host"]["name"] == SECRET_HOST


def test_no_length_changes_in_a_file_of_the_profiler(private, recorded):
    train()
    train(leave_out=["host", "paths"])
    first, second = (next(one.path.rglob("*.xplane.pb")) for one in recorded())
    assert first.stat().st_size == second.stat().st_size
    assert second.read_bytes().endswith(b"x" * len(SECRET_HOST))


@pytest.mark.parametrize("name", ["Jürgen", "my work", "it's", "日本"])
def test_directories_of_any_name_are_left_out(fake, monkeypatch, tmp_path, name):
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / name)
    source = str(tmp_path / name / f"sub {name}" / "model" / "train.py")
    privacy = Privacy(["paths"])
    frame = f"{source}(7): forward"
    facts = json.loads(privacy.document({"at": source, "stack": f"{frame};torch/nn.py(1): call"}))
    assert set(facts["at"].removesuffix("/train.py")) == {"x"}
    assert facts["stack"].endswith("x/train.py(7): forward;torch/nn.py(1): call")
    field, line = source.encode(), b"\x20/"  # the tag of a source line, and line 47
    traces = {
        "ascii.json": json.dumps({"at": source}).encode(),
        "plain.json": json.dumps({"at": source}, ensure_ascii=False).encode(),
        "trace.pb": b"\x1a"
        + (bytes([len(field)]) if len(field) < 128 else bytes([len(field) & 127 | 128, len(field) >> 7]))
        + field
        + line,
    }
    for file, content in traces.items():
        (tmp_path / file).write_bytes(content)
        privacy.files([tmp_path / file])
        cleaned = (tmp_path / file).read_bytes()
        assert len(cleaned) == len(content)
        assert b"x/train.py" in cleaned
        assert b"model" not in cleaned
        assert b"sub " not in cleaned
    assert cleaned.endswith(b"/train.py" + line)


def test_a_trace_that_cannot_be_cleaned_is_removed(private, recorded, monkeypatch):
    monkeypatch.setattr(Privacy, "_spans", lambda *_: 1 / 0)
    train(leave_out=["host"])
    (one,) = recorded()
    assert "profiler_failed" in one.codes
    assert not [path for path in one.path.glob("capture-*/**/*") if path.is_file()]
    with pytest.raises(ZeroDivisionError):
        Privacy(["host"]).files(iter([one.path / "run.json", one.path / "steps.jsonl"]))
    assert not (one.path / "run.json").exists()
    assert not (one.path / "steps.jsonl").exists()


def test_a_trace_whose_export_fails_is_removed(private, recorded, monkeypatch):
    monkeypatch.setattr(private, "effective_options", lambda: 1 / 0)
    train(leave_out=["paths"])
    train()
    first, second = recorded()
    assert not list(first.path.glob("capture-*/*"))
    assert list(second.path.glob("capture-*/*"))


def test_the_host_in_the_directory_of_a_tracker(private, recorded):
    with crossprof.profile("run", leave_out=["host"]):
        registry.current().link("tensorboard", f"runs/Jan01_{SECRET_HOST}")
    assert recorded()[0].run["links"]["tensorboard"] == "runs/Jan01_" + "x" * len(SECRET_HOST)


def test_a_word_that_means_nothing(private, monkeypatch, caplog):
    """Given in code, it is told at once; in the environment it costs the recording, never the training."""
    with pytest.raises(ValueError, match="leave_out='hosts': use a list of arguments"):
        crossprof.profile("run", leave_out=["hosts"])
    with pytest.raises(ValueError, match="leave_out='host': use a list"):
        crossprof.profile("run", leave_out="host")
    monkeypatch.setenv("CROSSPROF_LEAVE_OUT", "everything")
    train()
    assert "'run' runs unrecorded: leave_out='everything'" in caplog.text


def test_the_list_is_what_a_recording_holds(fake, recorded):
    train()
    run = recorded()[0].run
    deep = {"host", "process"}
    held = {name for name in run if name not in deep} | {f"{part}.{name}" for part in deep for name in run[part]}
    assert {one.field for one in COLLECTED if one.file == "run.json"} == held
    (one,) = recorded()
    for file, line in (("steps.jsonl", one.steps[0]), ("samples.jsonl", one.samples[0])):
        (collected,) = (each for each in COLLECTED if each.file == file)
        assert set(collected.field.split(", ")) == set(line)
    assert {each.leave_out for each in COLLECTED} - {None} == set(GROUPS)


def test_the_list_is_shown(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("CROSSPROF_LEAVE_OUT", "host")
    assert main(["show", "--collected", "--store", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert all(one.field in out and one.why in out for one in COLLECTED)
    assert str(tmp_path / "recordings") in out
    assert "CROSSPROF_LEAVE_OUT is host here." in out
    assert main(["show", "--collected", "--json", "--store", str(tmp_path)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert len(document["fields"]) == len(COLLECTED)
    assert main(["show", "--store", str(tmp_path)]) == 2
    assert main(["show", "run", "--collected", "--store", str(tmp_path)]) == 2


@pytest.mark.slow
@pytest.mark.parametrize("framework", ["torch", "jax", "tensorflow"])
def test_real_traces_lack_it_and_are_read(recorded, tmp_path, framework, monkeypatch):
    """The files of the real profilers, cleaned: read as ever, and neither the host's name nor a path in them."""
    module = pytest.importorskip(framework)
    array = {"torch": "torch.ones(9, 9)", "jax": "jax.numpy.ones((9, 9))", "tensorflow": "tensorflow.ones((9, 9))"}[framework]
    ones = eval(array, {framework: module})
    with crossprof.profile("run", framework=framework, schedule=(1, 1, 1, 2), leave_out=["host", "paths", "arguments"]):
        for _ in crossprof.steps(range(8)):
            ones = ones @ ones / 9
    (one,) = recorded()
    assert one.run["captures"][0]["state"] == "complete"
    held = everything(one.path)
    host = platform.node().encode()
    assert b'"host_name": "' + host not in held
    assert b'"' + bytes([len(host)]) + host not in held
    assert str(tmp_path).encode() not in held
    store = tmp_path / "ingested"
    assert main(["ingest", str(one.path), "--store", str(store)]) == 0
    with crossprof.open(store) as opened:
        (read,) = opened.arrow("select (select count(*) from op) + (select count(*) from annotation) as events").to_pylist()
        assert read["events"] > 0
        assert opened.arrow("select host from run").to_pylist() == [{"host": None}]
