"""Archives, URLs and standard input: what they hold is read as if it lay in a folder, and nothing of them is left behind."""

import gzip
import io
import json
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from crossprof.ingest import archive, ingest
from crossprof.ingest.remote import shown_url
from tests.ingest.ranks import rank_trace, table
from tests.ingest.recorded import KINETO, run_folder
from tests.ingest.xspace import Plane, encoded

TRACE = json.dumps(KINETO).encode()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture(autouse=True)
def nothing_is_left(store: Path, tmp_path: Path) -> object:
    yield
    assert not store.exists() or not list((store / ".staging").iterdir())
    assert not (tmp_path / "escaped").exists()


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def tarred(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as file:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


def ranks(folder: Path, count: int = 2) -> dict[str, bytes]:
    return {f"job/rank{rank}.json": rank_trace(folder, rank, world_size=count).read_bytes() for rank in range(count)}


@pytest.mark.parametrize(
    "pack",
    [
        lambda folder, members: zipped(folder / "a.zip", members),
        lambda folder, members: tarred(folder / "a.tar", members),
        lambda folder, members: tarred(folder / "a.tgz", members, "w:gz"),
        lambda folder, members: tarred(folder / "no_name_tells", members, "w:gz"),
    ],
    ids=["zip", "tar", "tgz", "named otherwise"],
)
def test_an_archive_of_ranks_is_a_run(store: Path, tmp_path: Path, pack: Callable[[Path, dict[str, bytes]], Path]) -> None:
    path = pack(tmp_path, ranks(tmp_path / "source"))
    results = ingest([path], store=store)
    assert [(result.status, result.run, result.rank) for result in results] == [("added", "job", 0), ("added", "job", 1)]
    assert [result.shown_path for result in results] == [f"{path}!/job/rank{rank}.json" for rank in range(2)]
    assert table(store, "SELECT path, storage FROM artifact ORDER BY rank") == [
        (f"{path}!/job/rank{rank}.json", "referenced") for rank in range(2)
    ]
    assert [result.status for result in ingest([tmp_path / "source"], store=store)] == ["present"] * 2


def test_the_members_at_the_root_are_named_after_the_archive(store: Path, tmp_path: Path) -> None:
    members = {name.removeprefix("job/"): content for name, content in ranks(tmp_path / "source").items()}
    assert {result.run for result in ingest([zipped(tmp_path / "tp2.zip", members)], store=store)} == {"tp2"}


def test_a_log_directory_in_an_archive(store: Path, tmp_path: Path) -> None:
    members = {"logs/plugins/profile/2026/a.xplane.pb": encoded(Plane("/host:CPU"), host="a"), "logs/notes.txt": b"text"}
    [result] = ingest([tarred(tmp_path / "x.tar.gz", members, "w:gz")], store=store)
    assert (result.status, result.run) == ("added", "logs")


def test_a_recording_in_an_archive_stays_there(store: Path, tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "recordings")
    members = {f"r/{file.relative_to(folder.parent)}": file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    [result] = ingest([zipped(tmp_path / "r.zip", members)], store=store)
    assert (result.status, result.run) == ("added", "bert")
    assert {path.partition("!")[0] for (path,) in table(store, "SELECT path FROM artifact")} == {str(tmp_path / "r.zip")}


def test_an_archive_in_an_archive_and_gzip_in_both(store: Path, tmp_path: Path) -> None:
    inner = tarred(tmp_path / "inner.tar.gz", {"c.json": TRACE}, "w:gz").read_bytes()
    path = zipped(tmp_path / "outer.zip", {"a.json.gz": gzip.compress(TRACE.replace(b"mm", b"nn")), "deep/inner.tar.gz": inner})
    results = ingest([path], store=store)
    assert sorted((result.status, result.run, result.shown_path) for result in results) == [
        ("added", "a", f"{path}!/a.json.gz"),
        ("added", "c", f"{path}!/deep/inner.tar.gz!/c.json"),
    ]


def test_keep_copies_a_member_into_the_store(store: Path, tmp_path: Path) -> None:
    [result] = ingest([zipped(tmp_path / "a.zip", {"a.json": TRACE})], store=store, keep=True)
    [(path, storage)] = table(store, "SELECT path, storage FROM artifact")
    assert (path, storage) == (f"artifacts/{result.run_id}/rank-0/a.json", "copied")
    assert (store / path).read_bytes() == TRACE


def test_members_that_lead_out_of_the_archive_are_skipped(store: Path, tmp_path: Path) -> None:
    names = ["../escaped", "a/../../../escaped", "/escaped", "..\\escaped", "C:\\escaped", str(tmp_path / "escaped")]
    for path in (
        zipped(tmp_path / "a.zip", {**dict.fromkeys(names, b"x"), "good.json": TRACE}),
        tarred(tmp_path / "a.tar", {**dict.fromkeys(names, b"x"), "good.json": TRACE.replace(b"mm", b"nn")}),
    ):
        results = ingest([path], store=store)
        skipped = [result for result in results if result.status == "skipped"]
        assert [result.status for result in results].count("added") == 1
        assert len(skipped) >= len(names) - 1  # zipfile makes one of two names
        assert all("leads out" in str(result.reason) and "a." in result.shown_path for result in skipped)


def test_links_and_devices_are_skipped(store: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_bytes(TRACE)
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        for name, kind in (
            ("soft", tarfile.SYMTYPE),
            ("hard", tarfile.LNKTYPE),
            ("null", tarfile.CHRTYPE),
            ("pipe", tarfile.FIFOTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, str(secret)
            file.addfile(info)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        link = zipfile.ZipInfo("link.json")
        link.external_attr = 0o120777 << 16
        file.writestr(link, str(secret))
    for name, count in (("a.tar", 4), ("a.zip", 1)):
        results = ingest([tmp_path / name], store=store)
        assert [result.status for result in results] == ["failed", *["skipped"] * count]
        assert "holds no trace" in str(results[0].reason)


def test_one_name_twice_and_what_can_not_be_written_are_skipped(store: Path, tmp_path: Path) -> None:
    path = tarred(tmp_path / "a.tar", {"a.json": TRACE, "x" * 300: b"", "a.json/b": b""})
    reasons = {result.shown_path.rpartition("!/")[2][:3]: str(result.reason) for result in ingest([path], store=store)}
    assert "too long" in reasons["xxx"]
    with tarfile.open(path, "w") as file:
        for content in (TRACE, b"other"):
            info = tarfile.TarInfo("a.json")
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    assert "another member has its name" in {str(result.reason).rstrip(".") for result in ingest([path], store=store)}


def test_an_archive_that_holds_too_much_is_refused(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_ALWAYS_BYTES", 1 << 20)
    bomb = {"a.json": TRACE, "zeros": bytes(8 << 20)}
    for path in (zipped(tmp_path / "a.zip", bomb), tarred(tmp_path / "a.tgz", bomb, "w:gz")):
        [result] = ingest([path], store=store)
        assert result.status == "failed"
        assert "holds more than" in str(result.reason)
        assert "\n" not in str(result.reason)


def test_archives_in_an_archive_share_what_it_may_hold(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_ALWAYS_BYTES", 4 << 20)
    monkeypatch.setattr(archive, "_TIMES", 1)
    inner = zipped(tmp_path / "inner.zip", {"zeros": bytes(3 << 20)}).read_bytes()
    path = zipped(tmp_path / "a.zip", {"1.zip": inner, "2.zip": inner, "good.json": TRACE})
    results = ingest([path], store=store)
    assert [(result.status, result.shown_path) for result in results] == [
        ("skipped", f"{path}!/2.zip"),
        ("added", f"{path}!/good.json"),
    ]
    assert "holds more than" in str(results[0].reason)


def test_too_many_members_and_endless_headers_are_refused(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_ALWAYS_BYTES", 1 << 14)
    monkeypatch.setattr(archive, "_TIMES", 1)
    monkeypatch.setattr(archive, "_HEADER_BYTES", 1 << 16)
    many = tarred(tmp_path / "many.tar", {str(number): b"" for number in range(20)})
    with tarfile.open(
        tmp_path / "long.tgz", "w:gz", format=tarfile.PAX_FORMAT, pax_headers={"comment": "x" * (4 << 20)}
    ) as file:
        file.addfile(tarfile.TarInfo("a.json"))
    for path, part in ((many, "holds more than"), (tmp_path / "long.tgz", "header is too long")):
        [result] = ingest([path], store=store)
        assert (result.status, part in str(result.reason)) == ("failed", True)


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_what_stands_in_a_damaged_archive_is_read(store: Path, tmp_path: Path, cut: float) -> None:
    noise = bytes(range(256)) * 40
    path = tarred(tmp_path / "a.tgz", {"a.json": TRACE, **{f"{n}": noise[n:] + noise[:n] for n in range(40)}}, "w:gz")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * cut)])
    results = ingest([path], store=store)
    assert "added" in {result.status for result in results}
    assert any("damaged" in str(result.reason) or "read whole" in str(result.reason) for result in results)


def test_archives_that_can_not_be_read_are_said_so(store: Path, tmp_path: Path) -> None:
    whole = zipped(tmp_path / "a.zip", {"a.json": TRACE}).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[:60])
    (tmp_path / "a.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(100))
    (tmp_path / "a.rar").write_bytes(b"Rar!\x1a\x07\x01\x00" + bytes(100))
    zipped(tmp_path / "empty.zip", {})
    for name, part in (
        ("cut.zip", "can't be read"),
        ("a.7z", "7z archive"),
        ("a.rar", "RAR archive"),
        ("empty.zip", "no trace"),
    ):
        [result] = ingest([tmp_path / name], store=store)
        assert (result.status, part in str(result.reason)) == ("failed", True), result


def test_standard_input_is_read(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for content in (TRACE, gzip.compress(TRACE.replace(b"mm", b"nn"))):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))
        [result] = ingest(["-"], store=store, name="piped")
        assert (result.status, result.run, result.shown_path) == ("added", "piped", "standard input (piped)")
    packed = zipped(tmp_path / "a.zip", {"a.json": TRACE.replace(b"mm", b"oo")}).read_bytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(packed)))
    assert ingest(["-"], store=store, name="packed")[0].shown_path == "standard input (packed)!/a.json"


def test_urls_are_fetched(store: Path, tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    for name, content in ranks(tmp_path / "source").items():
        memory.pipe(f"/bucket/{name}", content)
    memory.pipe("/bucket/a.zip", zipped(tmp_path / "a.zip", {"a.json": TRACE}).read_bytes())
    by_file = ingest([f"memory://bucket/job/rank{rank}.json" for rank in range(2)], store=store, name="tp2")
    assert [(result.status, result.rank, result.run) for result in by_file] == [("added", 0, "tp2"), ("added", 1, "tp2")]
    assert table(store, "SELECT path, storage FROM artifact ORDER BY rank") == [
        (f"memory://bucket/job/rank{rank}.json", "referenced") for rank in range(2)
    ]
    by_folder = ingest(["memory://bucket/job"], store=store)
    assert [(result.status, result.shown_path) for result in by_folder] == [
        ("present", f"memory://bucket/job/rank{rank}.json") for rank in range(2)
    ]
    assert ingest(["memory://bucket/a.zip"], store=store)[0].shown_path == "memory://bucket/a.zip!/a.json"


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("memory://bucket/nothing.json", "no such file"),
        ("nonsense://x/y", "can't be fetched"),
        ("https://user:secret@127.0.0.1:9/x.json?token=secret", "nobody answers"),
    ],
)
def test_a_url_that_can_not_be_fetched_is_said_so(store: Path, url: str, part: str) -> None:
    pytest.importorskip("fsspec")
    [result] = ingest([url], store=store)
    assert result.status == "failed"
    assert part in str(result.reason)
    assert "secret" not in f"{result.reason}{result.shown_path}{result.path}"


def test_without_fsspec_a_url_says_what_to_install(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    [result] = ingest(["s3://bucket/x.json"], store=store)
    assert (result.status, result.shown_path) == ("failed", "s3://bucket/x.json")
    assert "pip install fsspec" in str(result.reason)


def test_a_url_is_shown_without_secrets() -> None:
    assert shown_url("https://me:word@host:1/a/b.json?sig=x#y") == "https://host:1/a/b.json"
    assert shown_url("s3://bucket/a b.json") == "s3://bucket/a b.json"
