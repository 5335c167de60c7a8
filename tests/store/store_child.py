"""A process of its own that projects a history: python store_child.py FILE SEED [kill POINT NTH | limit BYTES]

`kill POINT NTH` ends it by SIGKILL at the nth time the probe POINT is reached, or, for the point `statement`, before
the nth SQL statement. `limit BYTES` sets the file size limit for a first try, lifts it and tries again.
"""

import os
import resource
import signal
import sys

from sqlalchemy import event
from sqlalchemy.engine import Engine

from citywatch.adapters.store.project import Projector
from citywatch.adapters.store.sql import SqlStore
from citywatch.errors import CitywatchError
from citywatch.testing.histories import placed, sample_events

PIECE = 25


def killer(nth):
    left = [nth]

    def reached(*_):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return reached


def project(store, events, probe):
    projector = Projector(store, probe=probe)
    for start in range(0, len(events), PIECE):
        projector.apply(0, events[start : start + PIECE])


def main(path, seed, how="", *what):
    store = SqlStore.open(path)
    events = placed(sample_events(int(seed), 150))
    probe = lambda where: None  # noqa: E731
    if how == "kill":
        point, nth = what
        if point == "statement":
            reached = killer(int(nth))
            event.listen(Engine, "before_cursor_execute", reached)
        else:
            kill = killer(int(nth))
            probe = lambda where: kill() if where == point else None  # noqa: E731
    if how == "limit":
        unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(what[0]), unlimited[1]))
        try:
            project(store, events, probe)
        except CitywatchError as error:
            print(type(error).__name__, error.reason, error.retry, error, sep="|")
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    project(store, events, probe)
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
