"""What each part is going to import, imported ahead: while the log server starts and the store is made ready.

Most of a start is imports. They need neither the briefing nor the store, so the supervisor starts the processes of
all parts at once, and each imports what stands here until it is told to go on. What is missing here is imported later,
where it is used; what stands here in vain costs its time. The collector rests meanwhile: nothing of a module is
garbage, and looking for it is a fifth of the time.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping
from importlib import import_module

_ROAD = ("citywatch.settings", "citywatch.adapters.log.redis_streams", "citywatch.adapters.store.sql")

NEEDED: Mapping[str, tuple[str, ...]] = {
    "prepare": (*_ROAD, "citywatch.app.keys", "citywatch.app.tokens"),
    "process": (
        *_ROAD,
        "citywatch.adapters.cameras.fleet_file",
        "citywatch.app.fleet",
        "citywatch.app.keys",
        "citywatch.app.steps",
        "citywatch.flow.incident_stage",
        "citywatch.flow.lateness",
        "citywatch.flow.processor",
        "citywatch.flow.runner",
        "citywatch.kernels._jit",
    ),
    "project": (
        *_ROAD,
        "citywatch.adapters.store.objects",
        "citywatch.adapters.store.project",
        "citywatch.adapters.store.segments",
        "citywatch.flow.archive",
        "citywatch.flow.projection",
        "citywatch.flow.runner",
    ),
    "serve": (
        *_ROAD,
        "uvicorn",
        "uvloop",
        "citywatch.adapters.cameras.registry",
        "citywatch.adapters.log.board",
        "citywatch.adapters.store.objects",
        "citywatch.api.app",
        "citywatch.api.serve",
        "citywatch.app.keys",
        "citywatch.app.passes",
        "citywatch.flow.runner",
    ),
    "patrol": (*_ROAD, "citywatch.adapters.store.project", "citywatch.app.keys", "citywatch.app.watch"),
    "registrar": ("citywatch.settings", "citywatch.adapters.log.redis_streams", "citywatch.app.registrar"),
    "scales": (*_ROAD, "citywatch.app.intake"),
    "notify": _ROAD,
    "demo": ("citywatch.demo.play",),
}


def preload(part: str) -> None:
    """Import what a part needs; nothing for a part that is not listed."""
    gc.disable()
    try:
        for name in NEEDED.get(part, ()):
            import_module(name)
    finally:
        gc.freeze()
        gc.enable()
