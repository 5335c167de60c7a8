"""uvicorn with one habit more: when it is told to stop, the live streams end first.

A server that stops gracefully waits for its requests, and a live stream never ends by itself; uvicorn tells the
application only afterwards.
"""

from __future__ import annotations

import socket

import uvicorn
from fastapi import FastAPI


class ApiServer(uvicorn.Server):
    """Like uvicorn.Server, for a configuration whose app is the one of create_api."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app = self.config.app
        if isinstance(app, FastAPI):
            app.state.hub.close()
        await super().shutdown(sockets)
