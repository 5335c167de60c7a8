"""`citywatch run`: starts the log server and the parts, keeps them alive, and stops them in reverse.

Light on purpose: it holds no numpy, no database and no camera, so that nothing that they do can take it down.
Each part is a process of its own; it learns what it needs on its standard input and ends when that is closed,
so parts never outlive their supervisor, however that ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from citywatch import __version__
from citywatch.adapters.log.embedded import EmbeddedServer
from citywatch.app.briefing import Briefing
from citywatch.app.data_dir import DataDir
from citywatch.app.kernels import cache_in
from citywatch.errors import CitywatchError, ConfigurationError
from citywatch.settings import Settings, parse_settings
from citywatch.telemetry import PrometheusMeter, log_as_json
from citywatch.yaml_files import read_text

_log = logging.getLogger(__name__)

_READY_WITHIN_S = 120.0
_STOPS_WITHIN_S = 15.0
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 10.0
_CALM_AFTER_S = 60.0
_LOOK_AFTER_LOG_S = 0.25
_OWN_FAULT = 2
"""Exit code of a part whose configuration or data directory is wrong: starting it again would not help."""


def supervise(
    config: Path | None, data_dir: Path, *, port: int | None, host: str | None, parts: Sequence[str], log_level: str
) -> int:
    """Run a city until SIGINT or SIGTERM; returns the exit code."""
    log_as_json("supervisor", log_level)
    # What we and our children write holds plates, whoever has made the directory and however open it is.
    os.umask(0o077)
    text = "" if config is None else read_text(config)
    settings = parse_settings(text, str(config)) if config is not None else Settings()
    settings = _overridden(settings, host, port)
    idle = {"registrar"} if settings.registrar is None else set()
    if not settings.has_scales_part:
        idle.add("scales")
    if not settings.has_notify_part:
        idle.add("notify")
    # Asked for alone, an idle part says itself what it lacks.
    parts = [part for part in parts if part not in idle] or list(parts)
    parts = _with_helpers(parts)
    directory = DataDir.open(data_dir)
    directory.hold(parts if settings.log.url else ["log", *parts])
    port = _free_port(settings.server.host, settings.server.port) if "serve" in parts else 0
    demonstrates = (config is None or settings.demonstration is not None) and set(parts) >= {
        "patrol",
        "process",
        "serve",
    }
    return asyncio.run(
        _City(
            directory=directory,
            settings=settings,
            briefing=Briefing(
                data_dir=str(directory.root),
                log_url=settings.log.url or "",
                log_level=log_level,
                port=port,
                config_name="" if config is None else str(config),
                config_text=text,
                demonstration_port=_free_port("127.0.0.1", 0) if demonstrates else 0,
                tokens=directory.demonstration_tokens() if demonstrates else {},
            ),
            parts=tuple(parts),
        ).run()
    )


@dataclass
class _Child:
    """One part as a process."""

    name: str
    process: asyncio.subprocess.Process
    is_ready: bool = False


class _City:
    def __init__(self, directory: DataDir, settings: Settings, briefing: Briefing, parts: tuple[str, ...]) -> None:
        self._directory = directory
        self._settings = settings
        self._briefing = briefing
        self._parts = parts
        self._stop = asyncio.Event()
        self._exit_code = 0
        self._waiting: dict[str, asyncio.subprocess.Process] = {}
        """Processes that import what they need, until they get their briefing."""

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        own = f"supervisor-{'-'.join(self._parts)}"
        for name in (own, *self._parts, "demo"):
            # Counters begin at nought with a run; those of parts that others run here are theirs.
            for left in self._directory.metrics.glob(f"*_{name}.db"):
                left.unlink()
        self._meter = PrometheusMeter(self._directory.metrics, own)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._end_waiting)
            for name in ("prepare", *(["demo"] if self._briefing.demonstration_port else []), *self._parts):
                self._waiting[name] = await self._spawn(name)
            if not self._settings.log.url:
                server = EmbeddedServer(self._directory.log)
                stack.push_async_callback(asyncio.to_thread, server.stop)
                await asyncio.to_thread(server.start)
                self._briefing = replace(self._briefing, log_url=server.url)
                stack.push_async_callback(_cancelled, asyncio.create_task(self._guard(server)))
            word = await self._prepare()
            begun = []
            if self._briefing.demonstration_port:
                # Its cameras answer before anybody visits them: a fault at every start would be a lie.
                begun.append(self._begin("demo", stack))
                await self._up(*begun[0])
            begun += [self._begin(name, stack) for name in self._parts]
            for started, task in begun:
                await self._up(started, task)
            if not self._stop.is_set():
                self._say_ready(word)
            await self._stop.wait()
            print("citywatch: stopping", file=sys.stderr, flush=True)
        return self._exit_code

    def _begin(self, name: str, stack: AsyncExitStack) -> tuple[asyncio.Future[None], asyncio.Task[None]]:
        """Keep a part running from now on, until the stack unwinds; the future is done when it is ready first."""
        started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._keep(name, started), name=name)
        stack.push_async_callback(_ended, task)
        return started, task

    async def _up(self, started: asyncio.Future[None], task: asyncio.Task[None]) -> None:
        """Wait until a part is ready, has given up, or all is to stop. Shielded: the part goes on afterwards."""
        await _first(asyncio.shield(started), asyncio.shield(task), self._stop.wait())

    async def _prepare(self) -> dict[str, str]:
        """Compile or check the kernels and bring the store up to date, in one process, before any other starts."""
        child = await self._start("prepare")
        try:
            return await self._ready(child)
        finally:
            await _end(child)

    async def _keep(self, name: str, started: asyncio.Future[None]) -> None:
        """Start a part, and again when it ends, with growing pauses; give up when it says that it is our fault."""
        pause_s = _FIRST_PAUSE_S
        loop = asyncio.get_running_loop()
        while not self._stop.is_set():
            began = loop.time()
            child = await self._start(name)
            try:
                await self._ready(child)
                if not started.done():
                    started.set_result(None)
                await _first(child.process.wait(), self._stop.wait())
            except _PartFailed as error:
                if error.exit_code == _OWN_FAULT:
                    self._exit_code = _OWN_FAULT
                    self._stop.set()
            finally:
                await _end(child)
            if self._stop.is_set():
                return
            if loop.time() - began > _CALM_AFTER_S:
                pause_s = _FIRST_PAUSE_S
            _log.error("part %s ended with code %s; starting it again", name, child.process.returncode)
            self._meter.count("part_restarts_total", part=name)
            await _first(asyncio.sleep(pause_s), self._stop.wait())
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _guard(self, server: EmbeddedServer) -> None:
        """Look after the log server; it says itself what ails it."""
        restarts = server.restarts
        while not self._stop.is_set():
            await asyncio.to_thread(server.ensure)
            self._meter.count("part_restarts_total", server.restarts - restarts, part="log")
            restarts = server.restarts
            await asyncio.sleep(_LOOK_AFTER_LOG_S)

    async def _start(self, name: str) -> _Child:
        process = self._waiting.pop(name, None) or await self._spawn(name)
        assert process.stdin is not None  # noqa: S101
        # One that has ended already is noticed by its silence.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            process.stdin.write(self._briefing.to_line().encode() + b"\n")
            await process.stdin.drain()
        return _Child(name, process)

    async def _end_waiting(self) -> None:
        """Those that never got a briefing hold nothing."""
        for name in list(self._waiting):
            await _end(_Child(name, self._waiting.pop(name)))

    async def _spawn(self, name: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "citywatch",
            "part",
            name,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=_environment(self._directory),
            # Ctrl-C in the terminal is for the supervisor; it stops the parts in order.
            start_new_session=True,
        )

    async def _ready(self, child: _Child) -> dict[str, str]:
        """The first word of a part, which says that it is ready."""
        assert child.process.stdout is not None  # noqa: S101
        try:
            line = await asyncio.wait_for(_first(child.process.stdout.readline(), self._stop.wait()), _READY_WITHIN_S)
        except TimeoutError as error:
            raise _PartFailed(child.name, 1) from error
        if not isinstance(line, bytes) or not line:
            if self._stop.is_set():
                return {}
            raise _PartFailed(child.name, await child.process.wait() or 1)
        child.is_ready = True
        word: dict[str, str] = json.loads(line)
        return word

    def _say_ready(self, word: dict[str, str]) -> None:
        if "serve" not in self._parts:
            print(f"Citywatch {__version__} is running: {', '.join(self._parts)}", flush=True)
            return
        host = self._settings.server.host
        shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104
        print(f"Citywatch {__version__} is ready at http://{shown}:{self._briefing.port}/", flush=True)
        if word.get("token"):
            print(f"First access token, shown only now (role admin): {word['token']}", flush=True)
        else:
            print("Sign in with your token; another one: citywatch token create NAME --role operator", flush=True)
        print("Stop with Ctrl-C.", flush=True)


class _PartFailed(CitywatchError):
    def __init__(self, name: str, exit_code: int) -> None:
        super().__init__(f"part {name} could not start (exit code {exit_code}); its message stands above")
        self.exit_code = exit_code


def _with_helpers(parts: Sequence[str]) -> list[str]:
    """`process` decides, `project` writes down what was decided for people to work on: never one without the other."""
    return [one for part in parts for one in ((part, "project") if part == "process" else (part,))]


def _environment(directory: DataDir) -> dict[str, str]:
    return {
        **os.environ,
        "NUMBA_CACHE_DIR": str(cache_in(Path(os.environ.get("NUMBA_CACHE_DIR") or directory.cache))),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "NUMBA_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
        "PROMETHEUS_MULTIPROC_DIR": str(directory.metrics),
    }


def _overridden(settings: Settings, host: str | None, port: int | None) -> Settings:
    changed = {key: value for key, value in (("host", host), ("port", port)) if value is not None}
    return settings.model_copy(update={"server": settings.server.model_copy(update=changed)})


def _free_port(host: str, port: int) -> int:
    """`port` itself when it can be listened on, a free one for 0; else a ConfigurationError."""
    try:
        with socket.create_server((host, port)) as probe:
            return int(probe.getsockname()[1])
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {host}:{port} ({error.strerror}); choose another address with --host and --port"
        ) from error


async def _first(*waits: object) -> object:
    """The result of whichever is done first; the others are cancelled."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]  # type: ignore[call-overload]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(task for task in tasks if task in done).result()
    finally:
        for task in tasks:
            task.cancel()


async def _end(child: _Child) -> None:
    """Close a part's standard input, which asks it to end; kill it when it does not, or has not begun yet."""
    process = child.process
    if process.returncode is not None:
        return
    assert process.stdin is not None  # noqa: S101
    if child.is_ready:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _STOPS_WITHIN_S)
            return
        except TimeoutError:
            _log.error("part %s did not stop and was killed", child.name)
    process.kill()
    await process.wait()


async def _ended(task: asyncio.Task[None]) -> None:
    await asyncio.gather(task, return_exceptions=True)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
