"""What of the API can be set, beside the API. Every key has a default, a range and its unit in its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from citywatch.domain.instants import check_zone

if TYPE_CHECKING:
    from citywatch.wire.station_json import StationFormat

_MOST_RECORDS = 1000


class StationConfig(BaseModel):
    """How the city's stations write their JSON records (wire/station_json.py)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time_zone: Annotated[str, Field(description="Zone of dates without an offset, as an IANA name.")] = "Asia/Shanghai"
    weight_unit: Annotated[Literal["kg", "t"], Field(description="Unit of totalWeight and axle1Weight...")] = "kg"
    spacing_unit: Annotated[Literal["mm", "cm", "m"], Field(description="Unit of the spacings in axleDis.")] = "mm"
    default_direction: Annotated[
        int, Field(ge=0, le=99, description="Direction of records that name none; part of the device's id.")
    ] = 0

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str) -> str:
        return check_zone(name)

    def form(self) -> StationFormat:
        """The format that the decoder takes."""
        from citywatch.wire.station_json import StationFormat  # noqa: PLC0415  (heavy; whoever reads settings is light)

        return StationFormat(
            zone=ZoneInfo(self.time_zone),
            weight_unit=self.weight_unit,
            spacing_unit=self.spacing_unit,
            default_direction=self.default_direction,
        )


class ApiConfig(BaseModel):
    """Limits and patience of the API."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    station: Annotated[StationConfig, Field(description="How stations write their records.")] = StationConfig()
    observer: Annotated[
        str,
        Field(
            pattern=r"^observer:[A-Za-z0-9._-]{1,64}$",
            description="Name under which this door hears heartbeats; the door's own heartbeats carry the same.",
        ),
    ] = "observer:http"
    command_wait_seconds: Annotated[
        float, Field(ge=0, le=30, description="How long a command waits for its verdict before the answer is 202.")
    ] = 2.0
    command_poll_seconds: Annotated[
        float, Field(ge=0.01, le=5, description="How often a waiting command looks when no hint comes.")
    ] = 0.1
    token_cache_seconds: Annotated[
        float, Field(ge=0, le=5, description="How long a token's role is remembered; a revoked one lives this long.")
    ] = 3.0
    token_cache_entries: Annotated[
        int, Field(ge=1, le=100_000, description="How many tokens are remembered; the oldest gives way.")
    ] = 1024
    max_ingest_bytes: Annotated[
        int, Field(ge=1024, le=16 * 1024 * 1024, description="Largest body of an ingest request.")
    ] = 1024 * 1024
    max_import_bytes: Annotated[
        int, Field(ge=1024, le=32 * 1024 * 1024, description="Largest table of cameras in one import.")
    ] = 8 * 1024 * 1024
    max_body_bytes: Annotated[int, Field(ge=1024, le=1024 * 1024, description="Largest body of any other request.")] = (
        64 * 1024
    )
    max_photo_bytes: Annotated[int, Field(ge=65_536, le=64 * 1024 * 1024, description="Largest photo of a repair.")] = (
        16 * 1024 * 1024
    )
    connections_max: Annotated[
        int, Field(ge=16, le=100_000, description="Most connections at a time; the next one is dropped.")
    ] = 512
    head_timeout_seconds: Annotated[
        float, Field(ge=0.1, le=300, description="How long a connection may take to say what it wants.")
    ] = 10.0
    body_timeout_seconds: Annotated[float, Field(ge=1, le=300, description="How long a body may take to arrive.")] = (
        20.0
    )
    max_ingest_records: Annotated[
        int, Field(ge=1, le=10_000, description="Most records or heartbeats in one ingest request.")
    ] = _MOST_RECORDS
    max_devices: Annotated[
        int,
        Field(ge=1, le=1_000_000, description="So many devices become known by speaking; others must be registered."),
    ] = 20_000
    max_page_rows: Annotated[int, Field(ge=1, le=1000, description="Most rows in one page of a list.")] = 500
    max_fleet_devices: Annotated[
        int, Field(ge=1, le=100_000, description="Most devices in one availability figure.")
    ] = 20_000
    live_clients_max: Annotated[
        int, Field(ge=1, le=10_000, description="Most clients of the live stream; the next one gets 503.")
    ] = 100
    live_poll_seconds: Annotated[
        float, Field(ge=0.05, le=60, description="How often the live stream looks when no hint comes.")
    ] = 1.0
    live_heartbeat_seconds: Annotated[
        float, Field(ge=0.1, le=120, description="Silence after which the live stream sends a comment.")
    ] = 15.0
    live_kept_changes: Annotated[
        int, Field(ge=1, le=100_000, description="Newest changes held in memory for all live clients together.")
    ] = 1024
    retry_after_seconds: Annotated[
        int, Field(ge=1, le=3600, description="What Retry-After says when the log or the store is busy.")
    ] = 1
