"""Configuration: one YAML file, checked as a whole. All mistakes are told together, each with its line and its fix."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from citywatch.adapters.cameras.addresses import HIDDEN
from citywatch.adapters.cameras.config import CameraSettings, PatrolTerms
from citywatch.adapters.gb28181.config import RegistrarConfig
from citywatch.adapters.scales.config import IntakeConfig, SignConfig
from citywatch.alerts.config import AlertSettings, Match
from citywatch.api.config import ApiConfig
from citywatch.api.findings_config import FindingsConfig, Open311Config
from citywatch.domain.devices import check_device_id, scale_device
from citywatch.domain.faults import NO_PICTURE, NOT_OF_CAMERAS, Fault
from citywatch.domain.labels import Matcher
from citywatch.domain.topology import IN_WORDS, misplaced
from citywatch.errors import ConfigurationError
from citywatch.notifications.config import NotificationSettings
from citywatch.tickets.config import TicketSettings
from citywatch.yaml_files import parse_model, read_text

__all__ = [
    "CameraSettings",
    "PatrolSettings",
    "ReportSettings",
    "RuleSettings",
    "Settings",
    "load_settings",
    "parse_settings",
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class LogSettings(_Part):
    """The log server."""

    url: Annotated[
        str | None, Field(description="redis://, rediss:// or unix:// URL of the city's own server; without one, ours")
    ] = None
    partitions: Annotated[
        int, Field(ge=1, le=256, description="Partitions of the log; fixed when the log is first opened")
    ] = 4


class StoreSettings(_Part):
    """What people work on: alerts, tickets, devices, audit."""

    url: Annotated[
        str | None, Field(description="SQLAlchemy URL, such as postgresql+psycopg://...; without one, SQLite")
    ] = None
    retention_days: Annotated[int, Field(ge=1, description="How long settled events, alerts and tickets are kept")] = (
        400
    )


class ArchiveSettings(_Part):
    """The measured passes and pictures, in Parquet segments."""

    seal_rows: Annotated[int, Field(ge=1, le=2_000_000, description="A segment is sealed when so many rows wait")] = (
        250_000
    )
    seal_seconds: Annotated[int, Field(ge=1, le=86_400, description="... or when the oldest has waited so long")] = 3600
    keep_days: Annotated[
        int, Field(ge=0, le=36_500, description="Segments whose newest row is older are deleted; 0: never")
    ] = 0


class PatrolSettings(PatrolTerms):
    """Visits to cameras."""

    decoders: Annotated[int, Field(ge=1, le=64, description="Decoder processes")] = 2
    pictures_mb: Annotated[int, Field(ge=16, description="Space for the last looks, megabytes")] = 2048
    evidence_mb: Annotated[int, Field(ge=16, description="Space for pictures kept as evidence, megabytes")] = 4096
    file_directories: Annotated[
        tuple[Path, ...],
        Field(description="In these the API may name a file as a camera; the configuration may anywhere"),
    ] = ()


class InstrumentSettings(_Part):
    """What is known of a lane's scale: its accuracy class and its certificate. Without it nothing can be enforced."""

    standard: Annotated[
        Literal["r134", "jjg907", "cost323", "e1318"],
        Field(description="Whose class it is: OIML R 134, JJG 907, COST 323 or ASTM E1318"),
    ]
    accuracy_class: Annotated[
        str, Field(max_length=20, description="Class, in quotes: '0.2' to '10'; A(5) to D(25); I, II, III")
    ]
    certified_from: Annotated[AwareDatetime, Field(description="The certificate holds from this instant")]
    certified_to: Annotated[AwareDatetime, Field(description="... until before this one")]
    allowance_percent: Annotated[
        float | None,
        Field(ge=0, le=100, description="Given away before anybody is accused; without it the class's own gross error"),
    ] = None
    spacing_tolerance_mm: Annotated[
        int, Field(ge=0, le=1000, description="By how much distances between axles may be off (150: ASTM E1318)")
    ] = 150
    clock_ahead_seconds: Annotated[
        float, Field(ge=0, le=3600, description="A pass so much later than its own arrival: the scale's clock is wrong")
    ] = 5.0

    @model_validator(mode="after")
    def _exists(self) -> InstrumentSettings:
        from citywatch.laws.instruments import accuracy  # noqa: PLC0415  (only who has scales reads their classes)

        try:
            accuracy(self.standard, self.accuracy_class)
        except ConfigurationError as error:
            raise ValueError(str(error)) from None
        if self.certified_to <= self.certified_from:
            raise ValueError("certified_to is not behind certified_from")
        return self


class ScaleSettings(_Part):
    """One lane of a weigh-in-motion station."""

    station: Annotated[str, Field(min_length=1, max_length=64, description="Code of the station")]
    direction: Annotated[int, Field(ge=0, le=9, description="Direction of travel")]
    lane: Annotated[int, Field(ge=0, le=99, description="Lane")]
    name: Annotated[str, Field(max_length=200, description="Name for people")] = ""
    place: Annotated[str, Field(max_length=200, description="Where it is")] = ""
    heartbeat_seconds: Annotated[
        int, Field(ge=0, le=86_400, description="How often it promises a heartbeat; 0 for never")
    ] = 0
    instrument: Annotated[
        tuple[InstrumentSettings, ...],
        Field(max_length=100, description="One, or a list of all there were, the oldest first"),
        BeforeValidator(lambda given: [given] if isinstance(given, dict) else given or ()),
    ] = ()
    road: Annotated[
        str, Field(max_length=100, description="The road it is on, for statistics; without one, its station")
    ] = ""

    @property
    def device(self) -> str:
        return scale_device(self.station, self.direction, self.lane)

    @field_validator("station")
    @classmethod
    def _lawful(cls, station: str) -> str:
        check_device_id(scale_device(station, 0, 0))
        return station

    @field_validator("instrument")
    @classmethod
    def _one_at_a_time(cls, instrument: tuple[InstrumentSettings, ...]) -> tuple[InstrumentSettings, ...]:
        for one, following in pairwise(instrument):
            if following.certified_from < one.certified_to:
                raise ValueError(
                    f"the certificate from {following.certified_from.isoformat()} begins before the one before it ends "
                    f"({one.certified_to.isoformat()}); the oldest stands first, and one ends where the next begins"
                )
        return instrument


_Looks = Annotated[int | None, Field(ge=1, le=100)]
_Seconds = Annotated[float | None, Field(ge=0, le=86_400)]


class FaultRuleSettings(_Part):
    """When one fault is confirmed and cleared; what is not given stays as it is for this fault."""

    confirm_looks: Annotated[_Looks, Field(description="Bad looks in a row that confirm it")] = None
    confirm_seconds: Annotated[_Seconds, Field(description="... spanning at least this long")] = None
    hidden_looks: Annotated[
        int | None,
        Field(ge=0, le=100, description="... and so many fewer, two at least, where they show the same picture"),
    ] = None
    clear_looks: Annotated[_Looks, Field(description="Good looks in a row that clear it")] = None
    clear_seconds: Annotated[_Seconds, Field(description="... spanning at least this long")] = None


class RuleSettings(FaultRuleSettings):
    """When something is a fault, and when it is over. The first four hold for every fault; `faults` for one each."""

    faults: Annotated[
        dict[Fault, FaultRuleSettings], Field(description="The same for single faults, by name; it goes before")
    ] = {}
    unknown_after_seconds: Annotated[
        int, Field(ge=5, le=604_800, description="A camera that nobody looked at for so long is unknown")
    ] = 1800
    no_key_frame_looks: Annotated[
        int,
        Field(
            ge=0,
            le=1000,
            description="So many looks in a row over ten minutes that saw pictures and no key frame are `no_media`; "
            "0 for never",
        ),
    ] = 5
    degraded_faults: Annotated[
        tuple[Fault, ...],
        Field(max_length=20, description="Faults that leave a usable picture: they make a camera degraded, not down"),
    ] = ()
    missed_heartbeats: Annotated[
        int, Field(ge=1, le=100, description="Missed heartbeats after which a device is silent")
    ] = 3
    overload_hold_seconds: Annotated[
        int, Field(ge=1, le=604_800, description="How long the alert about an overloaded truck stays on the desk")
    ] = 1800
    severe_over_percent: Annotated[
        float, Field(gt=0, le=1000, description="Overload from which its alert is critical")
    ] = 30.0
    presume: Annotated[
        dict[str, Literal["yes", "no", "unknown"]],
        Field(description="What holds of the law's conditions that no scale sees; else what the law itself presumes"),
    ] = {}
    claims_hold_seconds: Annotated[
        int, Field(ge=0, le=86_400, description="How long sources and looks must differ before that is told")
    ] = 60
    claims_lapse_seconds: Annotated[
        int, Field(ge=60, le=604_800, description="A claim that was not said again for so long counts no more")
    ] = 1800

    @field_validator("degraded_faults")
    @classmethod
    def _leave_a_picture(cls, faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
        for fault in faults:
            if fault in NOT_OF_CAMERAS or fault in NO_PICTURE:
                raise ValueError(f"{fault.value} leaves no picture; it makes a device down")
        return tuple(dict.fromkeys(faults))


class IncidentSettings(_Part):
    """When many devices that cannot be reached are one incident of what they hang on."""

    share_percent: Annotated[
        int, Field(ge=51, le=100, description="Most of its children: this share of those that were there, at least two")
    ] = 60
    window_seconds: Annotated[
        int, Field(ge=1, le=86_400, description="Within so long must they have fallen away to be one incident")
    ] = 300
    wait_seconds: Annotated[
        int,
        Field(
            ge=0, le=3600, description="So long a child's alert and ticket wait for its parent and siblings to be asked"
        ),
    ] = 30
    settle_seconds: Annotated[
        int, Field(ge=0, le=86_400, description="So long after an incident a child may take to come back")
    ] = 300


class RouteSettings(_Part):
    """Stations around a scale, by their codes: who is seen before and behind it should be seen on it."""

    scale: Annotated[str, Field(min_length=1, max_length=64, description="The station that some drive around")]
    before: Annotated[tuple[str, ...], Field(min_length=1, max_length=16, description="Stations or gates before it")]
    behind: Annotated[tuple[str, ...], Field(min_length=1, max_length=16, description="... and behind it")]
    within_minutes: Annotated[
        int, Field(ge=1, le=120, description="The way from one before to one behind takes so long at most")
    ] = 60

    @model_validator(mode="after")
    def _each_once(self) -> RouteSettings:
        named = [self.scale, *self.before, *self.behind]
        twice = sorted({station for station in named if named.count(station) > 1})
        if twice:
            raise ValueError(f"station {twice[0]!r} is named twice; each lies before the scale, on it or behind it")
        return self


class EvasionSettings(_Part):
    """Signs that a driver evades a scale or a camera."""

    hold_seconds: Annotated[
        int, Field(ge=5, le=60, description="So long a pass waits for those of the lanes beside it to be told")
    ] = 8
    routes: Annotated[
        tuple[RouteSettings, ...], Field(max_length=200, description="Where detours around a scale are looked for")
    ] = ()


class ScaleHealthSettings(_Part):
    """The trucks that scales are held against. What they weigh is told here where it is known; else only changes are
    found, and no scale that was wrong from the beginning.
    """

    axles: Annotated[int, Field(ge=3, le=40, description="Axles of the reference trucks, loaded semis")] = 6
    from_gross_kg: Annotated[int, Field(ge=1, le=999_999, description="... that weigh at least this")] = 30_000
    steering_kg: Annotated[
        float | None, Field(ge=1, le=99_999, description="What their steering axles weigh on a scale that is right")
    ] = None
    tandem_mm: Annotated[float | None, Field(ge=1, le=9_999, description="... the spacing of their drive tandems")] = (
        None
    )
    left_right: Annotated[
        float | None, Field(ge=0.1, le=10, description="... the load of the left wheels over that of the right ones")
    ] = None


class SecretsSettings(_Part):
    """Where the keys are that seal the cameras' secrets, and where secret files may be."""

    key_file: Annotated[
        Path | None,
        Field(description="Keys that seal; without one CITYWATCH_KEY_FILE, else secrets.key of the data dir"),
    ] = None
    password_directories: Annotated[
        tuple[Path, ...], Field(description="In these the API may name a password_file; the configuration may anywhere")
    ] = ()


class ResponsibilitySettings(_Part):
    """Who answers for the devices that match; each rule fills what the register and the rules before left empty."""

    match: Annotated[
        Match, Field(description="Labels `device`, `device_kind`, `site`, and what is known before this rule")
    ] = Matcher()
    area: Annotated[str, Field(max_length=100, description="Area")] = ""
    department: Annotated[str, Field(max_length=100, description="Department")] = ""
    contractor: Annotated[str, Field(max_length=100, description="Who repairs it by contract")] = ""
    klass: Annotated[str, Field(alias="class", max_length=100, description="Class of the device")] = ""
    team: Annotated[str, Field(max_length=100, description="Who gets the tickets")] = ""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True)


class ReportSettings(_Part):
    """A report on a contract, made every month."""

    contract: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
            description="Its name: sla/contracts/NAME.yaml of the data directory, or `reference`",
        ),
    ]
    day: Annotated[
        int, Field(ge=1, le=28, description="Day of the next month, in the contract's zone, from which it is made")
    ] = 1
    formats: Annotated[
        tuple[Literal["json", "html", "pdf", "csv", "parquet"], ...],
        Field(min_length=1, max_length=5, description="What it is kept as"),
    ] = ("pdf", "json")
    keep_months: Annotated[int, Field(ge=1, le=120, description="So many are kept, and made up for when missed")] = 24

    @field_validator("formats")
    @classmethod
    def _each_once(cls, formats: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(formats))


class DemonstrationSettings(_Part):
    """The demonstration city: made-up cameras and scales, driven through the public API."""

    seed: Annotated[int, Field(ge=0, description="The same seed makes the same city")] = 1


class ServerSettings(ApiConfig):
    """The API and the console: where they listen, and the limits of the API."""

    host: Annotated[str, Field(min_length=1, description="Address to listen on; 0.0.0.0 for every one")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535, description="Port; 0 for any free one")] = 8600


OUR_LAWS = ("cn-gross", "cn-full", "eu-full", "us-full")


class Settings(_Part):
    """Everything that `citywatch run --config FILE` takes."""

    log: LogSettings = LogSettings()
    store: StoreSettings = StoreSettings()
    server: ServerSettings = ServerSettings()
    archive: ArchiveSettings = ArchiveSettings()
    patrol: PatrolSettings = PatrolSettings()
    rules: RuleSettings = RuleSettings()
    incidents: IncidentSettings = IncidentSettings()
    evasion: EvasionSettings = EvasionSettings()
    scale_health: ScaleHealthSettings = ScaleHealthSettings()
    law_files: Annotated[
        tuple[Path, ...],
        Field(max_length=100, description="Law files (TOML) beside ours: laws of one's own, or later versions of ours"),
    ] = ()
    law: Annotated[str, Field(max_length=80, description="The law that passes are judged by")] = "cn-gross"
    secrets: SecretsSettings = SecretsSettings()
    cameras: tuple[CameraSettings, ...] = ()
    fleet_file: Annotated[
        Path | None,
        Field(description="More cameras, as CSV; read again whenever it changes. Seen from this file's place"),
    ] = None
    scales: tuple[ScaleSettings, ...] = ()
    intake: Annotated[IntakeConfig, Field(description="Live ways in for scales: an MQTT broker, lines over TCP")] = (
        IntakeConfig()
    )
    signs: Annotated[tuple[SignConfig, ...], Field(description="Roadside signs behind the scales")] = ()
    registrar: RegistrarConfig | None = None
    demonstration: DemonstrationSettings | None = None
    reports: Annotated[
        tuple[ReportSettings, ...],
        Field(max_length=100, description="Reports on service levels that come by themselves"),
    ] = ()
    notifications: Annotated[NotificationSettings, Field(description="Who is told of alerts and tickets")] = (
        NotificationSettings()
    )
    alerts: Annotated[AlertSettings, Field(description="When alerts flap, and who is called when nobody comes")] = (
        AlertSettings()
    )
    tickets: Annotated[TicketSettings, Field(description="Warnings, escalation and reopening of repair tickets")] = (
        TicketSettings()
    )
    contracts: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=300)], ...],
        Field(
            max_length=100,
            description="Contracts whose clocks tickets have, by name (sla/contracts/NAME.yaml of the data directory)"
            " or file, seen from this file's place; the first that is about a device gives its clocks",
        ),
    ] = ()
    responsibility: Annotated[
        tuple[ResponsibilitySettings, ...],
        Field(max_length=1000, description="Who answers for which devices, where the register does not say it"),
    ] = ()
    register_file: Annotated[
        Path | None,
        Field(
            alias="register",
            description="CSV of single devices: device, area, class, department, contractor, team. "
            "Seen from this file's place",
        ),
    ] = None
    findings: Annotated[FindingsConfig, Field(description="What people and other systems have found")] = (
        FindingsConfig()
    )
    open311: Open311Config | None = None

    @field_validator("law")
    @classmethod
    def _there(cls, law: str, info: ValidationInfo) -> str:
        # What own files hold is known when they are read; without them a slip is told here, with its line.
        if not info.data.get("law_files") and law.partition("@")[0] not in OUR_LAWS:
            raise ValueError(f"it must be one of {', '.join(OUR_LAWS)}, or a law of one of law_files")
        return law

    @model_validator(mode="after")
    def _no_device_twice(self) -> Settings:
        seen: set[str] = set()
        for device in [*(camera.camera for camera in self.cameras), *(scale.device for scale in self.scales)]:
            if device in seen:
                raise ValueError(f"device {device!r} is described twice; give each camera and lane its own id")
            seen.add(device)
        return self

    @model_validator(mode="after")
    def _nothing_hidden(self) -> Settings:
        for camera in self.cameras:
            if any(HIDDEN in url.get_secret_value() for url in (camera.url, camera.onvif_url) if url is not None):
                raise ValueError(f"camera {camera.camera!r}: {HIDDEN} stands for something secret: write it out")
        return self

    @model_validator(mode="after")
    def _hangs_together(self) -> Settings:
        for camera, why in misplaced({camera.camera: camera.parent for camera in self.cameras}).items():
            raise ValueError(f"camera {camera!r}: parent: {IN_WORDS[why]}")
        return self

    @model_validator(mode="after")
    def _one_report_a_contract(self) -> Settings:
        names = [report.contract for report in self.reports]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"contract {twice[0]!r} stands twice under reports; keep one")
        return self

    @model_validator(mode="after")
    def _signs_can_be_reached(self) -> Settings:
        names = [sign.name for sign in self.signs]
        if len(set(names)) < len(names):
            raise ValueError("two signs have the same name; give each its own")
        for sign in self.signs:
            if sign.topic is not None and self.intake.mqtt is None:
                raise ValueError(f"sign {sign.name!r}: a topic needs a broker; add intake.mqtt")
        return self

    @property
    def has_scales_part(self) -> bool:
        """Whether there is anything for the part `scales` to do."""
        return bool(self.intake.mqtt or self.intake.tcp or self.signs)

    @property
    def has_notify_part(self) -> bool:
        """Whether there is anybody to be told of anything."""
        return bool(self.notifications.receivers)

    @model_validator(mode="after")
    def _classes_exist(self) -> Settings:
        for camera in self.cameras:
            if camera.camera_class not in self.patrol.classes:
                known = ", ".join(sorted(self.patrol.classes))
                raise ValueError(
                    f"camera {camera.camera!r}: class {camera.camera_class!r} is not in patrol.classes; known: {known}"
                )
        return self


def load_settings(path: Path) -> Settings:
    """Settings from a YAML file. ConfigurationError lists every mistake with its line."""
    return parse_settings(read_text(path), str(path))


def parse_settings(text: str, path: str) -> Settings:
    """Settings from YAML text; `path` is what messages call it, and where law files are looked for."""
    settings = parse_model(text, path, Settings)
    if not settings.law_files:
        return settings
    beside = Path(path).absolute().parent
    return settings.model_copy(update={"law_files": tuple(beside / file for file in settings.law_files)})
