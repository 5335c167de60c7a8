"""Records of scales on their way into the log: decoded, refused ones kept, on disk when `take` returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from citywatch.adapters.scales.records import Decoder
from citywatch.domain.claims import Claim, ClaimBatch
from citywatch.domain.passes import PassBatch
from citywatch.domain.pulses import PulseBatch
from citywatch.errors import DataError
from citywatch.ports import Clock, Door, Meter, Store
from citywatch.wire.letters import letters
from citywatch.wire.lines import BadLine
from citywatch.wire.station_json import StationFormat, decode

NO_TIME = -1


@dataclass(frozen=True, slots=True)
class Letter:
    """Something refused, to be kept: why, in a word and a sentence, and how many records it holds."""

    reason: str
    message: str
    content: bytes
    records: int = 1


@dataclass(frozen=True, eq=False)
class Decoded:
    """What one payload held."""

    passes: PassBatch
    letters: tuple[Letter, ...] = ()


class Decoding(Protocol):
    """A payload to its passes and what is refused of it; raises nothing for bad input."""

    def __call__(self, payload: bytes, received_ns: int) -> Decoded: ...


class StationJson:
    """Payloads of station JSON: one record or an array."""

    def __init__(self, form: StationFormat, most: int, welcome: Callable[[str], bool]) -> None:
        self._form = form
        self._most = most
        self._welcome = welcome

    def __call__(self, payload: bytes, received_ns: int) -> Decoded:
        try:
            found = decode(payload, self._form, received_ns=received_ns, most=self._most, welcome=self._welcome)
        except DataError as error:
            return Decoded(PassBatch.empty(), (Letter("not_readable", str(error), payload),))
        refused = tuple(
            Letter(reason, message, content, records) for reason, message, content, records in letters(found.refused)
        )
        return Decoded(found.batch, refused)


class VendorLines:
    """Payloads of whole lines in a vendor's fixed columns. `decoder` makes a fresh decoder of that format."""

    def __init__(self, decoder: Callable[[], Decoder], welcome: Callable[[str], bool]) -> None:
        self._decoder = decoder
        self._welcome = welcome

    def __call__(self, payload: bytes, received_ns: int) -> Decoded:
        lines = self._decoder()
        lines.receive(payload)
        lines.receive_end()
        parts: list[PassBatch] = []
        bad: list[BadLine] = []
        while (chunk := lines.next_chunk()) is not None:
            parts.append(chunk.passes)
            bad.extend(chunk.bad)
        passes = PassBatch.concat(parts)
        refused = [Letter(str(line.reason), line.message(), line.content) for line in bad]
        strangers = [row for row, device in enumerate(passes.device) if not self._welcome(device)]
        if strangers:
            message = f"{passes.device[strangers[0]]} is not known, and no more fit in; have it registered"
            refused.append(Letter("unknown_device", message, payload, len(strangers)))
            passes = passes.take(sorted(set(range(len(passes))) - set(strangers)))
        if len(passes):
            passes = replace(passes, received_ns=np.full(len(passes), received_ns, np.int64))
        return Decoded(passes, tuple(refused))


class Intake:
    """One source of records. `observer` says of every row who heard it; `source` names it in metrics and letters."""

    def __init__(self, source: str, observer: str, door: Door, store: Store, clock: Clock, meter: Meter) -> None:
        self.source = source
        self._observer = observer
        self._door = door
        self._store = store
        self._clock = clock
        self._meter = meter

    def take(self, payloads: Sequence[bytes], decoder: Decoding) -> tuple[str, ...]:
        """All records of some payloads, in their order; on disk when this returns. The devices that were heard.

        LogError when the log takes none: nothing is accepted, hand all of them in again. What was refused is kept
        after the others are on disk; handed in again, a record is recognised among the last 64 of its lane.
        """
        received_ns = self._clock.now_ns()
        found = [decoder(payload, received_ns) for payload in payloads]
        batch = PassBatch.concat([one.passes for one in found])
        if len(batch):
            self._door.append(replace(batch, observer=(self._observer,) * len(batch)))
        refused = [letter for one in found for letter in one.letters]
        self._meter.count(
            "records_read_total", len(batch) + sum(letter.records for letter in refused), source=self.source
        )
        for letter in refused:
            self._keep(letter)
        return tuple(dict.fromkeys(batch.device))

    def refuse(self, reason: str, message: str, content: bytes) -> None:
        """Keep something that is no record at all."""
        self._meter.count("records_read_total", source=self.source)
        self._keep(Letter(reason, message, content))

    def alive(self, devices: Iterable[str]) -> None:
        """These devices have just given a sign of life. LogError as `take`."""
        heard = tuple(devices)
        if heard:
            at_ns = np.full(len(heard), self._clock.now_ns(), np.int64)
            self._door.append(PulseBatch(heard, at_ns, (self._observer,) * len(heard)))

    def claim(self, devices: Iterable[str], claim: Claim, source: str, reason: str) -> None:
        """Somebody says that these devices are there, or gone. LogError as `take`."""
        told = tuple(devices)
        if not told:
            return
        at_ns = np.full(len(told), self._clock.now_ns(), np.int64)
        self._door.append(
            ClaimBatch(
                device=told,
                at_ns=at_ns,
                received_ns=at_ns.copy(),
                source=(source,) * len(told),
                claim=(claim.value,) * len(told),
                reason=(reason,) * len(told),
                detail=("",) * len(told),
                said_ns=np.full(len(told), NO_TIME, np.int64),
            )
        )

    def _keep(self, letter: Letter) -> None:
        self._meter.count("records_refused_total", letter.records, source=self.source, reason=letter.reason)
        self._store.dead_letter(
            at_ns=self._clock.now_ns(),
            source=self.source,
            reason=letter.reason,
            message=letter.message,
            content=letter.content,
        )
