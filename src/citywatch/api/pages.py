"""The console's own files: public, because they hold no data; everything they show they ask of the API."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import Annotated

from fastapi import FastAPI, Path, Request, Response

from citywatch.api.headers import PAGE_HEADERS
from citywatch.api.problems import Problem
from citywatch.api.shared import Api

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}


def routes(app: FastAPI, api: Api) -> None:
    files = _files()

    @app.get("/", include_in_schema=False)
    async def index(request: Request) -> Response:
        """The console."""
        return _answer(request, files["index.html"])

    @app.get("/console/{name}", include_in_schema=False)
    async def file(request: Request, name: Annotated[str, Path(max_length=64)]) -> Response:
        """One file of the console."""
        if name not in files:
            raise Problem(404, "not_found", "there is nothing at this address")
        return _answer(request, files[name])


def _files() -> dict[str, tuple[bytes, str, str]]:
    """name -> (content, type, tag). They are few and small, and part of the package."""
    found = {}
    for entry in resources.files("citywatch.console").iterdir():
        kind = _TYPES.get(f".{entry.name.rpartition('.')[2]}")
        if kind is not None and entry.is_file():
            content = entry.read_bytes()
            found[entry.name] = (content, kind, f'"{hashlib.sha256(content).hexdigest()[:32]}"')
    return found


def _answer(request: Request, file: tuple[bytes, str, str]) -> Response:
    content, kind, tag = file
    headers = {**PAGE_HEADERS, "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=kind)
