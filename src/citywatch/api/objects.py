"""Evidence pictures by the hash of their content. Each look is audited."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from citywatch.api.access import caller_of
from citywatch.api.problems import Problem, responses
from citywatch.api.shared import Api
from citywatch.errors import DataError
from citywatch.wire import grids

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"

Name = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="Hash of the content", examples=["00" * 32])]


def routes(app: FastAPI, api: Api) -> None:
    @app.get(
        "/api/v1/objects/{name}",
        tags=["objects"],
        summary="Look at an evidence picture",
        response_class=Response,
        responses={
            200: {
                "content": {
                    kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("image/png", "image/jpeg")
                }
            },
            **responses(404),
        },
    )
    async def picture(request: Request, name: Name) -> Response:
        """The picture that a fault was decided on, as PNG, or a reference, as JPEG. Each look is audited.

        Operators and administrators.
        """
        content = await run_in_threadpool(api.objects.get, name)
        if content is None:
            raise Problem(404, "not_found", "there is no such picture, or it gave way to newer ones")
        shown = await run_in_threadpool(as_shown, content)
        if shown is None:
            raise Problem(404, "no_picture", "this object is no picture")
        await run_in_threadpool(
            lambda: api.store.audit(
                at_ns=api.clock.now_ns(),
                actor=caller_of(request).name,
                action="saw_picture",
                target=f"object/{name}",
            )
        )
        return Response(shown, media_type="image/jpeg" if shown.startswith(_JPEG) else "image/png")


def as_shown(content: bytes) -> bytes | None:
    """The object as a browser can show it; None for what is no picture."""
    if content.startswith((_PNG, _JPEG)):
        return content
    try:
        return grids.as_png(content)
    except DataError:
        return None
