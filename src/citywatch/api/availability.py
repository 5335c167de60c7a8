"""Availability of a device or a fleet, worked out from its states at the moment of asking."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Annotated

from fastapi import FastAPI, Query
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from citywatch.api.problems import Problem, missing, responses
from citywatch.api.shared import Api, DeviceFilter, From, Kind, To, shown, window
from citywatch.domain.devices import DeviceKind, DeviceState
from citywatch.domain.instants import NS_PER_S
from citywatch.sla.availability import Availability, Reading, SlaVerdict, StateChange, availability, together

_PAGE = 500


class ReadingView(BaseModel):
    """Device-seconds up, down and unknown in one reading of the states."""

    availability_percent: float = Field(examples=[96.5])
    up_s: float = Field(examples=[83376.0])
    down_s: float = Field(examples=[3024.0])
    unknown_s: float = Field(examples=[0.0])


class AvailabilityView(BaseModel):
    """A figure is an interval: the truth lies between worst and best. Unknown time is never counted as surely up."""

    begin: str | None = Field(serialization_alias="from", examples=["2026-01-31T00:00:00.000Z"])
    end: str | None = Field(serialization_alias="to", examples=["2026-02-01T00:00:00.000Z"])
    known_until: str | None = Field(
        description="What lies behind it is unknown: it has not happened yet", examples=["2026-02-01T00:00:00.000Z"]
    )
    devices: int = Field(examples=[1])
    worst: ReadingView = Field(description="Faults from the last good look on; unknown counts as not up")
    best: ReadingView = Field(description="Faults from the first bad look on; unknown counts as if it were up")
    target_percent: float = Field(examples=[95.0])
    verdict: SlaVerdict = Field(description="undecided: the worst reading misses the target, the best one meets it")


def routes(app: FastAPI, api: Api) -> None:
    @app.get(
        "/api/v1/availability",
        tags=["availability"],
        summary="Availability between two instants",
        responses=responses(404),
    )
    async def figure(
        begin: From,
        end: To,
        device: DeviceFilter = None,
        kind: Kind = None,
        target_percent: Annotated[
            float, Query(ge=0, le=100, description="Share of time in working order that is promised", examples=[95])
        ] = 95.0,
    ) -> AvailabilityView:
        """Of one device, or of all (of a kind) together. Simple form: all time is required time."""
        from_ns, to_ns = window(begin, end)
        known_until_ns = min(api.clock.now_ns(), await run_in_threadpool(api.known_until))
        found = await run_in_threadpool(_figure, api, device, kind, from_ns, to_ns, known_until_ns)
        target = Fraction(str(target_percent)) / 100
        return AvailabilityView(
            begin=shown(from_ns),
            end=shown(to_ns),
            known_until=shown(min(max(known_until_ns, from_ns), to_ns)),
            devices=found.devices,
            worst=_view(found.worst, found.worst_share),
            best=_view(found.best, found.best_share),
            target_percent=target_percent,
            verdict=found.verdict(target),
        )


def _figure(
    api: Api, device: str | None, kind: DeviceKind | None, from_ns: int, to_ns: int, known_until_ns: int
) -> Availability:
    if device is not None:
        if api.store.device(device) is None:
            raise missing("device")
        groups: Iterator[list[str]] = iter([[device]])
    else:
        groups = _fleet(api, kind)
    found = together(
        availability(changes, from_ns, to_ns, known_until_ns=known_until_ns)
        for group in groups
        for changes in _changes(api, group, from_ns, to_ns)
    )
    if found is None:
        raise Problem(
            404, "not_found", "there was no such device in this window; register one or push its first record"
        )
    return found


def _fleet(api: Api, kind: DeviceKind | None) -> Iterator[list[str]]:
    after, seen = "", 0
    while True:
        rows = api.store.devices(kind=None if kind is None else kind.value, after=after, limit=_PAGE)
        if not rows:
            return
        seen += len(rows)
        if seen > api.config.max_fleet_devices:
            raise Problem(
                422, "invalid", f"more than {api.config.max_fleet_devices} devices; ask for one kind or one device"
            )
        yield [row["device"] for row in rows]
        after = rows[-1]["device"]


def _changes(api: Api, devices: list[str], from_ns: int, to_ns: int) -> Iterator[list[StateChange]]:
    """The states of each of the devices; an empty list for one that was never looked at."""
    by_device: dict[str, list[StateChange]] = {device: [] for device in devices}
    for row in api.store.device_states(devices, from_ns, to_ns):
        by_device[row["device"]].append(
            StateChange(DeviceState(row["state"]), row["worst_from_ns"], row["best_from_ns"])
        )
    return iter(by_device.values())


def _view(reading: Reading, share: Fraction) -> ReadingView:
    return ReadingView(
        availability_percent=float(share * 100),
        up_s=reading.up_ns / NS_PER_S,
        down_s=reading.down_ns / NS_PER_S,
        unknown_s=reading.unknown_ns / NS_PER_S,
    )
