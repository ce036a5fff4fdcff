"""compose.yaml and the Dockerfile, read by kept parsers of their formats; the image's commands run in a clean environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml
from dockerfile_parse import DockerfileParser

from crossprof import settings

ROOT = Path(__file__).resolve().parents[1]


def compose(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`podman-compose config`, the parser alone: it asks only for an engine's version, which a script answers."""
    engine = tmp_path / "podman"
    engine.write_text("#!/bin/sh\necho 'podman version 5.0.0'\n")
    engine.chmod(0o755)
    clean = {key: value for key, value in os.environ.items() if not key.startswith("CROSSPROF_")}
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "podman_compose",
            "--podman-path",
            str(engine),
            "--profile",
            "demo",
            "-f",
            "compose.yaml",
            "config",
        ],
        cwd=ROOT,
        env={**clean, "PATH": f"{tmp_path}:{os.environ['PATH']}", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_token_compose_refuses(tmp_path: Path) -> None:
    done = compose(tmp_path)
    assert done.returncode != 0
    assert "CROSSPROF_TOKEN" in done.stderr


def test_the_service_as_compose_reads_it(tmp_path: Path) -> None:
    done = compose(tmp_path, CROSSPROF_TOKEN="secret")
    assert done.returncode == 0, done.stderr
    read = yaml.safe_load(done.stdout)
    service = read["services"]["crossprof"]
    assert service["environment"]["CROSSPROF_TOKEN"] == "secret"
    assert "127.0.0.1:8050:8050" in json.dumps(service["ports"])
    assert service["user"] == "10001:10001"
    assert service["healthcheck"]["test"][0] == "CMD"
    assert "store:/store" in json.dumps(service["volumes"])
    assert read["services"]["demo"]["profiles"] == ["demo"]
    assert set(read["volumes"]) == {"store"}


def test_every_variable_of_the_containers_is_a_setting() -> None:
    known = {setting.name for setting in settings.SETTINGS} | {"CROSSPROF_PUBLISHED_PORT"}
    text = (ROOT / "compose.yaml").read_text() + (ROOT / "Dockerfile").read_text()
    named = {word.strip("${}:?-=\"',.)") for word in text.replace("=", " ").replace(":", " ").split() if "CROSSPROF_" in word}
    assert {name for name in named if name.startswith("CROSSPROF_")} <= known


def image() -> DockerfileParser:
    return DockerfileParser(path=str(ROOT), cache_content=True)


def instructions(stage: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    current = ""
    for item in image().structure:
        if item["instruction"] == "FROM":
            current = item["value"].split(" AS ")[-1]
        elif current == stage:
            found.append(item)
    return found


def test_what_the_image_copies_is_sent_to_the_builder() -> None:
    sent = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [item["value"].split() for item in image().structure if item["instruction"] == "COPY"]
    assert {source.removeprefix("./") for words in copied if not words[0].startswith("--") for source in words[:-1]} == sent


def test_the_image_runs_without_root() -> None:
    users = [item["value"] for item in instructions("service") if item["instruction"] == "USER"]
    assert users[-1] == "crossprof"
    assert [item["value"] for item in instructions("demo") if item["instruction"] == "USER"][-1] == "crossprof"


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
def test_the_commands_of_the_image_work_in_a_clean_environment(tmp_path: Path) -> None:
    """Installs as the Dockerfile does, then starts its CMD: refused without a token, answering with one."""
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    service = instructions("service")
    environment = {
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "PIP_CONSTRAINT": str(ROOT / "constraints.txt"),
    }
    for name in ("PIP_CONFIG_FILE", "PIP_INDEX_URL", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "NO_PROXY"):
        if name in os.environ:
            environment[name] = os.environ[name]
    for stage in ("wheel", "service"):
        commands = [item["value"] for item in instructions(stage) if item["instruction"] == "RUN"]
        (install,) = (command for command in commands if " -m pip " in command)
        text = install.replace("/wheels", str(tmp_path / "wheels"))
        subprocess.run(["sh", "-c", text], cwd=ROOT, env=environment, check=True, capture_output=True)
    assert list((tmp_path / "venv").rglob("_event_scan*")), "the image reads JSON without its compiled scanner"

    command = json.loads(next(item["value"] for item in service if item["instruction"] == "CMD"))
    port = free_port()
    environment |= {"CROSSPROF_STORE": str(tmp_path / "store"), "CROSSPROF_HOST": "0.0.0.0", "CROSSPROF_PORT": str(port)}
    program = str(python.parent / command[0])
    refused = subprocess.run([program, *command[1:]], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 1
    assert "CROSSPROF_TOKEN" in refused.stderr

    with subprocess.Popen([program, *command[1:]], env={**environment, "CROSSPROF_TOKEN": "secret"}) as server:
        try:
            assert answer(f"http://127.0.0.1:{port}/healthz") == 200
            assert answer(f"http://127.0.0.1:{port}/_dash-layout") in {401, 403}
        finally:
            server.terminate()


def answer(url: str, seconds: float = 60) -> int:
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as reply:
                return int(reply.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
