"""How the interpreter of a part that steps and stores is set."""

from __future__ import annotations

import gc
import sys


def share_the_interpreter() -> None:
    """Rows and events are trees without cycles: looking for cycles among tens of thousands of them finds nothing. And
    who comes back from disk or network shall not wait long for its turn while another thread calculates.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    sys.setswitchinterval(0.001)
