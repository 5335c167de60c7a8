"""Prometheus metrics and JSON logs. Every metric that exists is in METRICS; labels come from bounded sets only."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Metric:
    """`kind` is counter, gauge or histogram."""

    kind: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

METRICS: Mapping[str, Metric] = {
    # doors
    "records_read_total": Metric("counter", "Records that came in, by source", ("source",)),
    "records_refused_total": Metric("counter", "Records refused and kept as dead letters", ("source", "reason")),
    "appends_refused_total": Metric("counter", "Appends that the log would not take, by reason", ("reason",)),
    # steps
    "entries_processed_total": Metric("counter", "Log entries stepped and committed"),
    "events_total": Metric("counter", "Events decided, by kind", ("kind",)),
    "openings_held": Metric(
        "gauge", "Alerts that wait for the end of a maintenance window, at the partitions or the incidents", ("stage",)
    ),
    "processor_lag_seconds": Metric("gauge", "Age of the last committed log entry when it was committed"),
    "processor_fenced_total": Metric("counter", "Commits that lost against another owner"),
    "incident_lag_seconds": Metric("gauge", "How far the last partition's ticks are behind the first's"),
    "turns_waited_total": Metric("counter", "Turns that waited for the log or the store", ("part",)),
    # projections and archive
    "events_projected_total": Metric("counter", "Events written to the store"),
    "events_unmatched_total": Metric(
        "counter", "Events about an alert or ticket that the store does not hold, by kind", ("kind",)
    ),
    "segments_sealed_total": Metric("counter", "Seals of the archive"),
    "archive_unreadable_total": Metric("counter", "Log entries that could not be archived because they are damaged"),
    "log_trimmed_total": Metric("counter", "Stream entries forgotten after every reader had them"),
    "evasion_late_total": Metric("counter", "Passes that came too late to be judged with those beside them"),
    "findings_unfit_total": Metric("counter", "Findings of sources that have more open than they may, refused"),
    "detour_plates_forgotten_total": Metric("counter", "Plates of routes forgotten for want of room"),
    "late_rows_total": Metric("counter", "Rows that came behind a newer row of their device and were kept", ("kind",)),
    # tickets
    "tickets_open": Metric("gauge", "Tickets that are not closed, by state; exercises are left out", ("state",)),
    "tickets_overdue": Metric(
        "gauge", "Open tickets of which a contract's clock is out that somebody waits for, by clock", ("clock",)
    ),
    # cameras
    "visits_total": Metric("counter", "Visits to cameras, by result", ("outcome", "reason")),
    "visit_cpu_seconds_total": Metric("counter", "Processor time of visits in the decoders"),
    "visit_seconds": Metric("histogram", "Duration of a visit", (), _SECONDS),
    "visits_void_total": Metric("counter", "Visits thrown away, because the camera was described anew meanwhile"),
    "visits_held_back_total": Metric(
        "counter", "Visits whose turn had come and that a limit held back, by limit", ("limit",)
    ),
    "visits_in_flight": Metric("gauge", "Visits under way"),
    "visits_demanded_per_second": Metric("gauge", "Visits that all freshness targets together ask for"),
    "visits_stretch": Metric("gauge", "By how much all pauses are stretched; 1 when every target is met"),
    "cameras_watched": Metric("gauge", "Cameras of the patrol: all, failing, suspect, held_open", ("state",)),
    "look_age_seconds": Metric(
        "gauge", "Age of the last look, by class of camera and quantile", ("cameras", "quantile")
    ),
    "looks_over_target": Metric("gauge", "Cameras whose last look is older than its target", ("cameras",)),
    "decoders_replaced_total": Metric("counter", "Decoder processes that were replaced, by reason", ("reason",)),
    "held_streams_lost_total": Metric("counter", "Streams held open that were lost, by reason", ("reason",)),
    "held_looks_dropped_total": Metric("counter", "Key frames of held streams that gave way to newer ones"),
    "objects_dropped_total": Metric("counter", "Pictures that gave way to newer ones, by area", ("area",)),
    "cameras_not_opened_total": Metric("counter", "Cameras not visited because no key opens their secrets"),
    "fleet_file_refused_total": Metric("counter", "Times that the fleet file changed nothing because it is wrong"),
    "rows_of_removed_total": Metric("counter", "Rows left out because their device was removed, by kind", ("kind",)),
    # cameras over ONVIF
    "onvif_failures_total": Metric("counter", "Questions to cameras over ONVIF that failed, by reason", ("reason",)),
    "onvif_listeners_refused_total": Metric(
        "counter", "Cameras whose ONVIF events nobody listens to: there are too many"
    ),
    # live ways in for scales, and signs
    "intake_connections_lost_total": Metric(
        "counter", "Connections to brokers and controllers that were lost or refused", ("source",)
    ),
    "intake_dropped_total": Metric("counter", "Messages without a promise that found no room", ("source", "reason")),
    "sign_messages_total": Metric("counter", "Messages of roadside signs, by what became of them", ("result",)),
    "pass_to_sign_seconds": Metric("histogram", "From the pass to its message on the sign", (), _SECONDS),
    # service levels
    "report_seconds": Metric("histogram", "From a question about service levels to its answer", (), _SECONDS),
    "report_failures_total": Metric("counter", "Processes of reports that did not answer, by reason", ("reason",)),
    "monthly_reports_total": Metric("counter", "Monthly reports by schedule, by result", ("result",)),
    # the registrar
    "registrar_requests_total": Metric("counter", "SIP requests answered, by method and status", ("method", "status")),
    "registrar_refused_total": Metric("counter", "SIP requests refused, by reason", ("reason",)),
    "registrar_dropped_total": Metric("counter", "What the registrar did not take or could not keep", ("reason",)),
    "registrar_claims_total": Metric("counter", "Claims of devices and platforms, by claim", ("claim",)),
    "registrar_catalogues_total": Metric("counter", "Catalogues asked for, by result", ("result",)),
    "registrar_registered": Metric("gauge", "Devices and platforms that are registered"),
    "registrar_channels": Metric("gauge", "Channels that they have told of"),
    # doors for people
    "http_requests_total": Metric("counter", "Requests, by method, route and status", ("method", "route", "status")),
    "http_request_seconds": Metric("histogram", "Duration of a request, by route", ("route",), _SECONDS),
    "http_connections_dropped_total": Metric(
        "counter", "Connections that were one too many, or took too long to say what they want", ("reason",)
    ),
    "photos_refused_total": Metric("counter", "Photos that were not taken, by reason", ("reason",)),
    "live_clients": Metric("gauge", "Clients of the live stream"),
    # notifications
    "deliveries_waiting": Metric("gauge", "Deliveries that wait to be sent, by receiver", ("receiver",)),
    "delivery_oldest_seconds": Metric("gauge", "Age of the oldest delivery that waits, by receiver", ("receiver",)),
    "delivery_attempts_total": Metric(
        "counter", "Attempts to send a delivery, by receiver and result", ("receiver", "result", "reason")
    ),
    "delivery_seconds": Metric("histogram", "From the plan of a delivery until its receiver has it", (), _SECONDS),
    "deliveries_dropped_total": Metric(
        "counter", "Deliveries that their receiver never got, by reason", ("receiver", "reason")
    ),
    "notifications_quiet_total": Metric(
        "counter", "Changes that a receiver was not told of on purpose, by reason", ("reason",)
    ),
    "notifications_folded_total": Metric(
        "counter", "Changes of which a receiver was told the number alone: there were too many"
    ),
    "notification_resends_total": Metric(
        "counter", "Times that all open alerts were sent again to an Alertmanager", ("receiver", "result")
    ),
    # the house
    "part_restarts_total": Metric("counter", "Parts that the supervisor started again", ("part",)),
}

_PREFIX = "citywatch_"


_FILE_BYTES = 1 << 18
"""More than all figures of one kind of one process take; their labels are bounded."""


class PrometheusMeter:
    """ports.Meter on prometheus_client. With `directory`, all processes of one city share their figures in it.

    Each keeps them in files under its `part`'s name, so that a part that is started again and again goes on counting
    in the same files. Their space is taken at the start: they are mapped into memory, and a page that the disk has no
    room for when a new figure appears would end the process with SIGBUS. OSError when there is no room.
    """

    def __init__(self, directory: Path | None = None, part: str = "main") -> None:
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
            # prometheus_client reads this when it is imported, and only then.
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
        import prometheus_client as prometheus  # noqa: PLC0415

        if directory is not None:
            from prometheus_client import values  # noqa: PLC0415

            for kind in ("counter", "gauge_livemax", "gauge_livesum", "histogram"):
                _take_space(directory / f"{kind}_{part}.db")
            values.ValueClass = values.MultiProcessValue(lambda: part)  # type: ignore[no-untyped-call]

        self._metrics: dict[str, Any] = {}
        for name, metric in METRICS.items():
            full = _PREFIX + name
            if metric.kind == "counter":
                self._metrics[name] = prometheus.Counter(full, metric.help, metric.labels)
            elif metric.kind == "gauge":
                self._metrics[name] = prometheus.Gauge(
                    full, metric.help, metric.labels, multiprocess_mode="livesum" if "clients" in name else "livemax"
                )
            else:
                self._metrics[name] = prometheus.Histogram(full, metric.help, metric.labels, buckets=metric.buckets)

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        self._of(name, labels).inc(amount)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        self._of(name, labels).set(value)

    def observe(self, name: str, value: float, **labels: str) -> None:
        self._of(name, labels).observe(value)

    def _of(self, name: str, labels: Mapping[str, str]) -> Any:
        metric = self._metrics[name]
        return metric.labels(**labels) if labels else metric


def _take_space(file: Path) -> None:
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(handle, 0, _FILE_BYTES)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(file)) from error
    finally:
        os.close(handle)


class NullMeter:
    """For commands that nobody scrapes. Names are still checked."""

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        _check(name, labels)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        _check(name, labels)

    def observe(self, name: str, value: float, **labels: str) -> None:
        _check(name, labels)


def _check(name: str, labels: Mapping[str, str]) -> None:
    if set(METRICS[name].labels) != set(labels):
        raise KeyError(f"metric {name} takes the labels {METRICS[name].labels}")


_CREDENTIALS = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s@]+@")
_BEARER = re.compile(r"(?i)(bearer\s+|token=|password=|passwd=|pwd=)[^\s&\"']+")
_PLAIN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "color_message"}


def redact_text(text: str) -> str:
    """Text without the credentials of URLs, bearer tokens and passwords in query strings."""
    return _BEARER.sub(r"\1***", _CREDENTIALS.sub(r"\g<scheme>***@", text))


class JsonFormatter(logging.Formatter):
    """One JSON object a line; secrets are taken out here, behind everything that might log one."""

    def __init__(self, part: str) -> None:
        super().__init__()
        self._part = part

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "part": self._part,
            "logger": record.name,
            "message": redact_text(record.getMessage()),
        }
        for key, value in record.__dict__.items():
            if key not in _PLAIN:
                line[key] = redact_text(value) if isinstance(value, str) else value
        if record.exc_info:
            line["error"] = redact_text(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=str)


def log_as_json(part: str, level: str = "INFO") -> None:
    """Send every log record of this process to stderr as one JSON line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(part))
    logging.basicConfig(level=level, handlers=[handler], force=True)
