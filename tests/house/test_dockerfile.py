"""The Dockerfile, without an engine: its steps fit the repository, and its health check tells well from ill."""

import contextlib
import fnmatch
import http.server
import importlib.util
import socket
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _load():
    spec = importlib.util.spec_from_file_location("dockerfile", ROOT / ".ci" / "dockerfile.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["dockerfile"] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    return module


dockerfile = _load()
STEPS = dockerfile.steps()
FINAL = [step for step in STEPS if step.stage == STEPS[-1].stage]


def only(word):
    found = [step for step in FINAL if step.word == word]
    assert len(found) == 1, f"{len(found)} {word} in the final stage"
    return found[0]


def test_what_is_copied_exists_and_is_sent_to_the_engine():
    patterns = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert patterns[0] == "*"
    sent = {line[1:] for line in patterns if line.startswith("!")}
    copied = {source for sources, _ in dockerfile.copies(0) for source in sources}
    assert copied == sent
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert any(fnmatch.fnmatch("src/citywatch/__pycache__", pattern) for pattern in patterns[1:])


def test_the_final_stage_takes_only_the_environment():
    assert [step.text for step in FINAL if step.word == "COPY"] == ["--from=build /opt/citywatch /opt/citywatch"]
    built = [step.text for step in STEPS if step.word == "RUN" and step.stage == 0]
    assert any("python -m venv /opt/citywatch" in text and "/opt/citywatch/bin/pip install" in text for text in built)
    assert STEPS[0].text.endswith(" AS build")


def test_pip_finds_what_pyproject_names(tmp_path):
    """The laid-out build directory holds everything that building the wheel reads."""
    dockerfile.lay_out(tmp_path)
    project = tomllib.loads((tmp_path / "pyproject.toml").read_text())["project"]
    for name in (project["readme"], *project["license-files"], "src/citywatch/__init__.py", "src/citywatch/py.typed"):
        assert (tmp_path / name).is_file(), name
    assert list(tmp_path.rglob("__pycache__")) == []


def test_it_runs_as_nobody_in_particular():
    users = [step.text for step in FINAL if step.word == "USER"]
    assert users == ["citywatch"]
    made = next(step.text for step in FINAL if step.word == "RUN")
    assert made.startswith("useradd ")
    assert made.endswith(" citywatch")
    at = [step.word for step in FINAL]
    assert at.index("USER") > at.index("COPY"), "files are copied as root: the program cannot change itself"


def test_same_entry_point_as_everywhere():
    assert only("ENTRYPOINT").words() == ["citywatch", "run"]
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert "citywatch" in scripts
    assert "PATH=/opt/citywatch/bin:$PATH" in only("ENV").words()


def test_arguments_are_understood_by_the_command_line():
    shown = subprocess.run(
        [sys.executable, "-m", "citywatch", "run", "--help"], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    arguments = only("CMD").words()
    assert [word for word in arguments if word.startswith("--") and word not in shown] == []
    volume = only("VOLUME").words()[0]
    assert arguments[arguments.index("--data-dir") + 1].startswith(volume + "/")
    assert arguments[arguments.index("--port") + 1] == only("EXPOSE").text


class _Answer(http.server.BaseHTTPRequestHandler):
    status = 200

    def do_GET(self):
        self.server.asked.append(self.path)
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(status):
    handler = type("Answer", (_Answer,), {"status": status})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def run_healthcheck(port):
    text = only("HEALTHCHECK").text
    command = dockerfile.Step("CMD", text[text.index("CMD ") + 4 :], 0).words()
    assert command[:2] == ["python", "-c"]
    program = command[2].replace(":8600/", f":{port}/")
    assert program != command[2], "the health check asks the port that is exposed"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=30, check=False).returncode


@pytest.mark.parametrize(("status", "well"), [(200, True), (503, False)])
def test_health_check_follows_healthz(status, well):
    with serving(status) as server:
        assert (run_healthcheck(server.server_address[1]) == 0) is well
        assert server.asked == ["/healthz"]


def test_health_check_fails_where_nobody_listens():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert run_healthcheck(unused.getsockname()[1]) != 0
