"""One way to reach the log server, and one translation of its errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from citywatch.errors import ConfigurationError, LogError, LogFull, LogUnavailable


class ScriptForgotten(LogError):
    """The server does not hold this script: it restarted. Nothing has run; the script must be sent whole."""


def shown(url: str) -> str:
    """The URL without user, password or query: fit for messages and logs."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def connection_options(timeout_s: float) -> dict[str, Any]:
    """What both clients, blocking and asyncio, are opened with.

    RESP2, because its answers look the same on every server we support. No retries behind our back: a commit that
    is sent twice is refused as fenced although the first one counted; the caller alone knows what to do.
    """
    return {"protocol": 2, "socket_timeout": timeout_s, "socket_connect_timeout": timeout_s, "decode_responses": False}


def connect(url: str, timeout_s: float) -> redis.Redis:
    """A client of the server at `url` (redis://, rediss:// or unix://). Connects on first use."""
    try:
        client = redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), **connection_options(timeout_s))
    except ValueError as error:
        raise ConfigurationError(f"log URL {shown(url)}: {error}") from error
    # Plain answers: what these look like must not depend on the release of the library.
    for command in ("XREAD", "XRANGE", "HGETALL"):
        client.set_response_callback(command, _plain)
    return client


def _plain(answer: Any, **_: Any) -> Any:
    return answer


@contextmanager
def log_errors(where: str) -> Iterator[None]:
    """Raise the library's errors as ours, naming the server and the fix."""
    try:
        yield
    except (redis.exceptions.AuthenticationError, redis.exceptions.AuthorizationError) as error:
        raise ConfigurationError(f"log server {where}: it wants another user or password ({error})") from error
    except redis.exceptions.BusyLoadingError as error:
        raise LogUnavailable(f"log server {where} is still reading its files; ask again") from error
    except redis.exceptions.NoScriptError as error:
        raise ScriptForgotten(f"log server {where} does not know the script") from error
    except redis.exceptions.TimeoutError as error:
        raise LogUnavailable(f"log server {where} did not answer in time; whether it acted is not known") from error
    except redis.exceptions.ConnectionError as error:
        raise LogUnavailable(f"log server {where} cannot be reached: {error}") from error
    except redis.exceptions.RedisError as error:
        raise _translated(where, str(error)) from error


def _translated(where: str, text: str) -> Exception:
    """By the server's words: the library drops the leading code of errors that it knows, and scripts add to it."""
    if "when used memory > 'maxmemory'" in text:
        return LogFull(f"log server {where} is at its memory limit (maxmemory); its readers must catch up first")
    if "MISCONF" in text:
        return LogUnavailable(f"log server {where} cannot write its disk: free space there ({text[:200]})")
    if "read only replica" in text:
        return LogUnavailable(f"log server {where} is a read-only replica: name the primary")
    if "NOPERM" in text or "no permissions" in text:
        return ConfigurationError(f"log server {where}: its user may not do this ({text[:200]})")
    return LogError(f"log server {where}: {text[:300]}")
