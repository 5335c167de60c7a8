"""The one owner of Numba's flags, cache and warm-up.

A kernel is written as a plain function and decorated with its explicit signatures. Nothing is compiled on import:
`warm()` compiles (or loads from the cache) every registered kernel and then forbids further compilation, so that
no first lorry ever waits for a compiler. No fastmath and no parallel: results reach events and must repeat to the bit.
The cache lives where NUMBA_CACHE_DIR says; set it before the first import of numba.
With NUMBA_DISABLE_JIT=1 the plain functions run: slow, for debugging and for coverage.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba

_P = ParamSpec("_P")
_R = TypeVar("_R")

_registry: list[tuple[Any, tuple[str, ...]]] = []


def kernel(*signatures: str) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Decorate a kernel with the signatures it may be called with; other types are refused after warm-up."""

    def decorate(function: Callable[_P, _R]) -> Callable[_P, _R]:
        dispatcher = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
        if hasattr(dispatcher, "compile"):
            _registry.append((dispatcher, signatures))
        return cast(Callable[_P, _R], dispatcher)

    return decorate


def warm() -> int:
    """Compile or load every kernel imported so far, then seal them. Returns how many signatures are ready."""
    ready = 0
    for dispatcher, signatures in _registry:
        if dispatcher._can_compile:
            for signature in signatures:
                dispatcher.compile(signature)
            dispatcher.disable_compile()
        ready += len(dispatcher.signatures)
    return ready


def compiled() -> int:
    """How many signatures are compiled at this moment; a test holds this still after warm-up."""
    return sum(len(dispatcher.signatures) for dispatcher, _ in _registry)
