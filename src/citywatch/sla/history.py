"""Histories: the facts of many devices as columns, in the order in which they stand over each other.

Nothing here decides what counts: a history holds every fact that was ever told, and can be looked at as it was known
at an instant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np

from citywatch.domain.service import STANDINGS, STATES, ServiceFact

_I64 = np.ndarray[Any, np.dtype[np.int64]]
_I32 = np.ndarray[Any, np.dtype[np.int32]]
_I8 = np.ndarray[Any, np.dtype[np.int8]]

_STATE_NUMBER = {state: number for number, state in enumerate(STATES)}
_STANDING_NUMBER = {standing: number for number, standing in enumerate(STANDINGS)}


@dataclass(frozen=True, eq=False)
class History:
    """Facts by device, within a device from the weakest to the strongest. Make it with `of_columns` or `of_facts`.

    devices        (d,) names, sorted; each has facts or is named because it is under contract
    words          each once; the first is ''
    device         (n,) int32    index into `devices`
    state          (n,) int8     index into STATES
    standing       (n,) int8     index into STANDINGS
    worst_from, best_from, worst_to, best_to   (n,) int64, ns
    known          (n,) int64    ns from which the fact was known
    number         (n,) int64    of facts known at the same instant, the greater was told later
    cause, evidence (n,) int32   index into `words`
    """

    devices: tuple[str, ...]
    words: tuple[str, ...]
    device: _I32
    state: _I8
    standing: _I8
    worst_from: _I64
    best_from: _I64
    worst_to: _I64
    best_to: _I64
    known: _I64
    number: _I64
    cause: _I32
    evidence: _I32

    COLUMNS = ("device", "state", "standing", "worst_from", "best_from", "worst_to", "best_to", "known", "number")

    @classmethod
    def of_columns(
        cls,
        devices: Sequence[str],
        words: Sequence[str],
        columns: Mapping[str, Any],
        *,
        words_stand_once: bool = False,
    ) -> History:
        """From columns in any order of rows. `devices` are sorted here, `words` kept once each behind '', and the
        indexes with them; `words_stand_once` says that they do so already, '' first.

        The order is total, so that the order of rows, files and repetitions decides nothing.
        """
        device_names, device = _named(sorted(set(devices)), devices, columns["device"])
        both_words = np.concatenate([columns["cause"], columns["evidence"]])
        if words_stand_once:
            word_names, both = tuple(words), np.asarray(both_words, np.int32)
        else:
            word_names, both = _named(list(dict.fromkeys(["", *words])), words, both_words)
        rows = len(device)
        given: dict[str, Any] = {
            "device": device,
            "state": np.asarray(columns["state"], np.int8),
            "standing": np.asarray(columns["standing"], np.int8),
            **{
                name: np.asarray(columns[name], np.int64)
                for name in ("worst_from", "best_from", "worst_to", "best_to", "known", "number")
            },
            "cause": both[:rows],
            "evidence": both[rows:],
        }
        for one, other in (("worst_from", "best_from"), ("worst_to", "best_to")):
            if np.array_equal(given[one], given[other]):
                given[other] = given[one]  # one column, kept and chosen from once
        order = _order(given, word_names)
        return cls(device_names, word_names, **_taken(given, order))

    @classmethod
    def of_facts(cls, facts: Iterable[ServiceFact], *, devices: Iterable[str] = ()) -> History:
        """From facts in any order; `devices` without a fact are in it, too."""
        rows = list(facts)
        names = sorted({*devices, *(row.device for row in rows)})
        words = sorted({"", *chain.from_iterable((row.cause, row.evidence) for row in rows)})
        place, word = {name: i for i, name in enumerate(names)}, {name: i for i, name in enumerate(words)}
        columns: dict[str, Any] = {
            "device": [place[row.device] for row in rows],
            "state": [_STATE_NUMBER[row.state] for row in rows],
            "standing": [_STANDING_NUMBER[row.standing] for row in rows],
            "worst_from": [row.worst_from_ns for row in rows],
            "best_from": [row.best_from_ns for row in rows],
            "worst_to": [row.worst_to_ns for row in rows],
            "best_to": [row.best_to_ns for row in rows],
            "known": [row.known_ns for row in rows],
            "number": [row.number for row in rows],
            "cause": np.array([word[row.cause] for row in rows], np.int32),
            "evidence": np.array([word[row.evidence] for row in rows], np.int32),
        }
        return cls.of_columns(names, words, columns, words_stand_once=True)

    def __len__(self) -> int:
        return len(self.device)

    @cached_property
    def is_exact(self) -> bool:
        """Whether no fact has bounds: then both readings are one."""
        pairs = ((self.worst_from, self.best_from), (self.worst_to, self.best_to))
        return all(one is other or np.array_equal(one, other) for one, other in pairs)

    def rows(self) -> Iterator[ServiceFact]:
        """Its facts, from the weakest of the first device on."""
        for i in range(len(self)):
            yield ServiceFact(
                self.devices[self.device[i]],
                STATES[self.state[i]],
                int(self.worst_from[i]),
                int(self.best_from[i]),
                int(self.worst_to[i]),
                int(self.best_to[i]),
                self.words[self.cause[i]],
                self.words[self.evidence[i]],
                int(self.known[i]),
                STANDINGS[self.standing[i]],
                int(self.number[i]),
            )

    def of_devices(self, wanted: Iterable[str]) -> History:
        """Only these devices; one that nothing is known of is in it without a fact."""
        names = tuple(sorted(set(wanted)))
        if names == self.devices:
            return self
        places = {name: i for i, name in enumerate(names)}
        new = np.array([places.get(name, -1) for name in self.devices], np.int32)
        device = new[self.device] if len(self) else self.device
        return self._chosen(device >= 0, names, device)

    def as_known_at(self, at_ns: int | None) -> History:
        """Without what became known later. None: as known now, all of it."""
        if at_ns is None:
            return self
        return self._chosen(self.known <= at_ns, self.devices, self.device)

    def joined(self, others: Iterable[History]) -> History:
        """With the facts of other histories."""
        parts = [part for part in (self, *others) if part.devices]
        if len(parts) <= 1:
            return parts[0] if parts else self
        devices = [name for part in parts for name in part.devices]
        words = [word for part in parts for word in part.words]
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts]) for name in self.COLUMNS if name != "device"
        }
        columns["device"] = _shifted([part.device for part in parts], [len(part.devices) for part in parts])
        for name in ("cause", "evidence"):
            columns[name] = _shifted([getattr(part, name) for part in parts], [len(part.words) for part in parts])
        return History.of_columns(devices, words, columns)

    def _chosen(self, keep: Any, devices: tuple[str, ...], device: _I32) -> History:
        columns = {name: getattr(self, name) for name in (*self.COLUMNS, "cause", "evidence")}
        return History(devices, self.words, **_taken({**columns, "device": device}, np.flatnonzero(keep)))


_ORDER = ("device", "standing", "known", "number", "state", "worst_from", "best_from", "worst_to", "best_to")


def _order(given: Mapping[str, Any], words: Sequence[str]) -> Any:
    """(n,) rows in their total order. What differs in nothing but its words is put in the order of these."""
    keys: list[Any] = []
    for name in _ORDER:
        column = given[name]
        if not any(column is key for key in keys) and (not keys or not _is_one(column)):
            keys.append(column)
    order = np.lexsort(keys[::-1])
    if len(order) < 2:
        return order
    equal = np.ones(len(order) - 1, bool)
    for key in keys:
        sorted_key = key[order]
        equal &= sorted_key[1:] == sorted_key[:-1]
    if not equal.any():
        return order
    tied = np.zeros(len(order), bool)
    tied[1:] |= equal
    tied[:-1] |= equal
    told = np.unique(np.concatenate([given["cause"][order[tied]], given["evidence"][order[tied]]])).tolist()
    rank = np.zeros(len(words), np.int64)
    rank[sorted(told, key=words.__getitem__)] = np.arange(len(told))
    group = np.cumsum(np.concatenate([[True], ~equal]))  # ties keep together, and their groups keep their order
    again = np.lexsort((rank[given["evidence"][order]], rank[given["cause"][order]], group))
    return order[again]


def _is_one(column: Any) -> bool:
    return bool(len(column) and (column == column[0]).all())


def _taken(columns: Mapping[str, Any], rows: Any) -> dict[str, Any]:
    """These rows of each column; what is one column stays one."""
    made: dict[int, Any] = {}
    for column in columns.values():
        if id(column) not in made:
            made[id(column)] = column.take(rows)
    return {name: made[id(column)] for name, column in columns.items()}


def _named(ordered: list[str], names: Sequence[str], index: Any) -> tuple[tuple[str, ...], _I32]:
    """The names in their new order, and the indexes into them."""
    old = np.asarray(index, np.int32)
    if len(ordered) == len(names) and ordered == list(names):
        return tuple(ordered), old
    place = {name: i for i, name in enumerate(ordered)}
    new = np.fromiter((place[name] for name in names), np.int32, len(names))
    return tuple(ordered), new[old] if len(old) else old


def _shifted(indexes: Sequence[_I32], sizes: Sequence[int]) -> _I32:
    starts = np.cumsum([0, *sizes[:-1]])
    return np.concatenate([index + np.int32(start) for index, start in zip(indexes, starts, strict=True)])
