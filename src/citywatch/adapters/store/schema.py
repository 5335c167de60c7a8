"""The tables of the store, for SQLite and PostgreSQL alike.

Instants are integer nanoseconds since 1970 (`*_ns`), -1 where there is none unless a column may be NULL.
JSON columns are texts in both databases, so that the order of keys survives. Identifiers compare byte by byte.
A numbered row (`seq`, `number`) never takes the number of one that was pruned: clients resume by them.
A change of this file goes with a new revision under migrations/versions/ and a new REVISION.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    false,
    text,
    true,
)

from citywatch.domain.statistics import COLUMNS as COUNTS

REVISION = "0013"
"""The newest revision under migrations/versions/. Revisions are numbers of four digits, so that newer is greater."""

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_ID = Text().with_variant(Text(collation="C"), "postgresql")
"""An identifier: compared and sorted by its bytes, whatever the locale of the database."""
_SEQ = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite numbers rows by itself only in a column called INTEGER (64 bits there)."""

META = Table(
    "meta",
    METADATA,
    Column("key", _ID, primary_key=True),
    Column("value", Text, nullable=False),
)
"""log_epoch and log_server (which log this store belongs to), seal (the last number of a seal)."""

POSITIONS = Table(
    "positions",
    METADATA,
    Column("stream", _ID, primary_key=True),
    Column("ms", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
)
"""How far each `events:{p}` is projected."""

IS_WORK = text("kind = 'work_declared'")
IS_CHANGE = text("kind = 'incident_changed'")
IS_RESOLVED = text("resolved_at_ns IS NOT NULL")
IS_CLEARED = text("cleared_at_ns IS NOT NULL")
"""As they stand in the indexes: databases use those only for these very words, not for a bound value. That something
is over is asked by whoever compares when, so what is open need not stand there.
"""

EVENTS = Table(
    "events",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("at_ns", BigInteger, nullable=False),
    Column("device", _ID, nullable=False),
    Column("kind", _ID, nullable=False),
    Column("cause", _ID, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("body", JSON, nullable=False),
    Index(None, "at_ns", "id"),
    Index(None, "device", "at_ns", "id"),
    Index("ix_events_incident_changed", "cause", sqlite_where=IS_CHANGE, postgresql_where=IS_CHANGE),
    Index("ix_events_work_declared", "at_ns", "id", sqlite_where=IS_WORK, postgresql_where=IS_WORK),
)
"""Every event once; `body` is its data. Declared work and changes of incidents are few events of many, and every report
asks for them: their indexes hold nothing else, so that other events pay nothing."""

DEVICES = Table(
    "devices",
    METADATA,
    Column("device", _ID, primary_key=True),
    Column("kind", _ID, nullable=False),
    Column("name", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("heartbeat_s", Integer, nullable=False),
    Column("state", _ID, nullable=False),
    Column("state_since_ns", BigInteger),
    Column("faults", JSON, nullable=False),
    Column("changed_at_ns", BigInteger, nullable=False),
    Column("parent", _ID, server_default="", nullable=False),
    Column("site", Text, server_default="", nullable=False),
    Index(None, "kind", "device"),
    Index(None, "state"),
)
"""The newest state of each device; kind is '' until something has told it.

`state_since_ns` is the later bound of the instant from which the state holds (NULL before the first state).
`faults` lists the present ones by name: [{"fault", "cause", "first_bad_ns", "last_good_ns" (-1: none; rows of
before there was one have none), "reason"}], and "alert" of those whose
alert is that of an earlier one (a flapping one that has taken them in).
"""

DEVICE_STATES = Table(
    "device_states",
    METADATA,
    Column("seq", _SEQ, primary_key=True, autoincrement=True),
    Column("device", _ID, nullable=False),
    Column("state", _ID, nullable=False),
    Column("worst_from_ns", BigInteger, nullable=False),
    Column("best_from_ns", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("event", _ID, nullable=False),
    Index(None, "device", "seq"),
    sqlite_autoincrement=True,  # a number is never given twice
)
"""Changes of state; those of one device form one sequence by `seq`."""

CAMERA_REFERENCES = Table(
    "camera_references",
    METADATA,
    Column("camera", _ID, primary_key=True),
    Column("light", _ID, primary_key=True),
    Column("preset", _ID, primary_key=True),
    Column("picture", _ID, nullable=False),
    Column("reason", _ID, nullable=False),
    Column("adopted_at_ns", BigInteger, nullable=False),
    Index(None, "picture"),
)
"""What a camera's looks are compared with, by light (`day`, `night`, `infrared`) and preset ('' without one)."""

ALERTS = Table(
    "alerts",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("cause", _ID, nullable=False, unique=True),
    Column("device", _ID, nullable=False),
    Column("kind", _ID, nullable=False),
    Column("severity", _ID, nullable=False),
    Column("state", _ID, nullable=False),
    Column("opened_at_ns", BigInteger, nullable=False),
    Column("acknowledged_at_ns", BigInteger),
    Column("acknowledged_by", Text, nullable=False),
    Column("resolved_at_ns", BigInteger),
    Column("resolution", Text, nullable=False),
    Column("subject", JSON, nullable=False),
    Column("labels", JSON, server_default="{}", nullable=False),
    Column("exercise", Boolean, server_default=false(), nullable=False),
    Column("escalation", Integer, server_default="0", nullable=False),
    Column("escalated_to", Text, server_default="", nullable=False),
    Column("flapping", Boolean, server_default=false(), nullable=False),
    Column("openings", Integer, server_default="1", nullable=False),
    Index(None, "opened_at_ns", "id"),
    Index(None, "state", "opened_at_ns", "id"),
    Index(None, "device", "opened_at_ns", "id"),
    Index(None, "kind", "opened_at_ns", "id"),
    Index(None, "severity", "opened_at_ns", "id"),
    Index("ix_alerts_resolved", "resolved_at_ns", sqlite_where=IS_RESOLVED, postgresql_where=IS_RESOLVED),
)
"""`labels` are those of domain/labels.py ({} of alerts of before there were any). `escalation` is the last step that
was taken, 0 for none, `escalated_to` its name; `openings` how many causes a flapping alert has taken in."""

ALERT_CHANGES = Table(
    "alert_changes",
    METADATA,
    Column("seq", _SEQ, primary_key=True, autoincrement=True),
    Column("alert", _ID, ForeignKey("alerts.id", ondelete="CASCADE"), nullable=False),
    Column("change", _ID, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("body", JSON, nullable=False),
    Index(None, "alert", "seq"),
    sqlite_autoincrement=True,  # a number is never given twice
)
"""The live stream: `seq` is its id. `change` is opened, acknowledged, resolved, flapping or escalated;
`body` the alert's row after it, without what never changes of it (alert_news.py)."""

SILENCES = Table(
    "silences",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("matcher", JSON, nullable=False),
    Column("from_ns", BigInteger, nullable=False),
    Column("to_ns", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("set_at_ns", BigInteger, nullable=False),
    Column("ended_at_ns", BigInteger),
    Column("ended_by", Text, nullable=False),
    Index(None, "to_ns"),
    Index(None, "set_at_ns", "id"),
)
"""Notifications about alerts that match (labels and patterns) are quiet in [from_ns, to_ns), or until it was ended."""

WINDOWS = Table(
    "windows",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("kind", _ID, nullable=False),
    Column("matcher", JSON, nullable=False),
    Column("from_ns", BigInteger, nullable=False),
    Column("to_ns", BigInteger, nullable=False),
    Column("rule", JSON(none_as_null=True)),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("set_at_ns", BigInteger, nullable=False),
    Column("ended_at_ns", BigInteger),
    Column("ended_by", Text, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Index(None, "to_ns"),
    Index(None, "set_at_ns", "id"),
)
"""Declared maintenance; sla/windows.py says its times. A `withdrawn` one never held, as known from `ended_at_ns` on."""

TICKETS = Table(
    "tickets",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("cause", _ID, nullable=False, unique=True),
    Column("alert", _ID, nullable=False),
    Column("device", _ID, nullable=False),
    Column("fault", _ID, nullable=False),
    Column("state", _ID, nullable=False),
    Column("reason", Text, nullable=False),
    Column("first_bad_ns", BigInteger, nullable=False),
    Column("filed_at_ns", BigInteger, nullable=False),
    Column("accepted_at_ns", BigInteger),
    Column("accepted_by", Text, nullable=False),
    Column("first_good_ns", BigInteger),
    Column("verified_at_ns", BigInteger),
    Column("closed_at_ns", BigInteger),
    Column("resolution", Text, nullable=False),
    Column("team", Text, server_default="", nullable=False),
    Column("contractor", Text, server_default="", nullable=False),
    Column("labels", JSON, server_default="{}", nullable=False),
    Column("exercise", Boolean, server_default=false(), nullable=False),
    Column("verifiable", Boolean, server_default=true(), nullable=False),
    Column("outcome", _ID, server_default="", nullable=False),
    Column("handled_at_ns", BigInteger),
    Column("hold_reason", _ID, server_default="", nullable=False),
    Column("held_at_ns", BigInteger),
    Column("hold_until_ns", BigInteger),
    Column("contract", Text, server_default="", nullable=False),
    Column("response_within_ns", BigInteger),
    Column("response_due_ns", BigInteger),
    Column("response_state", _ID, server_default="none", nullable=False),
    Column("repair_within_ns", BigInteger),
    Column("repair_due_ns", BigInteger),
    Column("repair_left_ns", BigInteger),
    Column("repair_state", _ID, server_default="none", nullable=False),
    Column("merged_into", _ID, server_default="", nullable=False),
    Column("reopened", Integer, server_default="0", nullable=False),
    Column("photos", JSON, server_default="[]", nullable=False),
    Column("parts", JSON, server_default="[]", nullable=False),
    Column("response_left_ns", BigInteger),
    Column("excused_until_ns", BigInteger),
    Column("excused_by", _ID, server_default="", nullable=False),
    Index(None, "filed_at_ns", "id"),
    Index(None, "state", "filed_at_ns", "id"),
    Index(None, "device", "filed_at_ns", "id"),
    Index(None, "team", "filed_at_ns", "id"),
    Index(None, "alert"),
    Index(None, "closed_at_ns"),
    Index(None, "response_due_ns"),
    Index(None, "repair_due_ns"),
)
"""`cause` is that of the fault as it is now, or was last. `accepted_at_ns` is the first answer, `accepted_by` who has
it now; `outcome` what the crew says ('' before). `hold_reason` is '' unless it is on hold. A clock's `*_due_ns` is NULL
without one and while it stands; then `*_left_ns` is what is left of it. `*_state` is domain.tickets.ClockState. While
declared maintenance stops the clocks `excused_by` is the window, '' otherwise, and `excused_until_ns` its end."""

TICKET_NAMES = Table(
    "ticket_names",
    METADATA,
    Column("name", _ID, primary_key=True),
    Column("ticket", _ID, ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    Index(None, "ticket"),
)
"""Ids that tickets would have by a later cause, and that stand for the one which that cause has reopened."""

TICKET_STEPS = Table(
    "ticket_steps",
    METADATA,
    Column("seq", _SEQ, primary_key=True, autoincrement=True),
    Column("ticket", _ID, ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False),
    Column("step", _ID, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("event", _ID, nullable=False),
    Column("detail", JSON, server_default="{}", nullable=False),
    Index(None, "ticket", "seq"),
    sqlite_autoincrement=True,  # a number is never given twice
)
"""Every event of a ticket: `step` is its kind without `ticket_`, `detail` the rest of its data. `actor` is '' for the
system itself."""

SOURCES = Table(
    "sources",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("device", _ID, nullable=False),
    Column("source", _ID, nullable=False),
    Column("aspect", _ID, nullable=False),
    Column("claim", _ID, nullable=False),
    Column("reason", _ID, nullable=False),
    Column("detail", Text, nullable=False),
    Column("said_ns", BigInteger, nullable=False),
    Column("since_ns", BigInteger, nullable=False),
    Index(None, "device", "id"),
    Index(None, "since_ns"),
)
"""What each source claims of a device, by aspect (`presence`, `catalogue`, `alarm`); `claim` is `over` or `lapsed` for
what counts no more."""

DISAGREEMENTS = Table(
    "disagreements",
    METADATA,
    Column("cause", _ID, primary_key=True),
    Column("device", _ID, nullable=False),
    Column("kind", _ID, nullable=False),
    Column("looks", _ID, nullable=False),
    Column("claims", JSON, nullable=False),
    Column("since_ns", BigInteger, nullable=False),
    Column("told_at_ns", BigInteger, nullable=False),
    Column("until_ns", BigInteger),
    Index(None, "device", "told_at_ns", "cause"),
    Index(None, "until_ns"),
)
"""Where sources and looks did not fit; `until_ns` is NULL while it lasts."""

CORRECTIONS = Table(
    "corrections",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("device", _ID, nullable=False),
    Column("cause", _ID, nullable=False),
    Column("step", _ID, nullable=False),
    Column("state", _ID, nullable=False),
    Column("factor", Float, nullable=False),
    Column("factor_low", Float, nullable=False),
    Column("factor_high", Float, nullable=False),
    Column("proposed_at_ns", BigInteger, nullable=False),
    Column("settled_at_ns", BigInteger),
    Column("settled_by", Text, nullable=False),
    Column("note", Text, nullable=False),
    Index(None, "device"),
    Index(None, "proposed_at_ns", "id"),
    Index(None, "state", "proposed_at_ns", "id"),
)
"""Correction factors of scales; `state` is open, accepted, declined, superseded or withdrawn. An accepted one is in
force from `settled_at_ns` on, until a later one is accepted. `step` is the event that it follows from."""

PASS_COUNTS = Table(
    "pass_counts",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("road", _ID, nullable=False),
    Column("day", _ID, nullable=False),
    Column("kind", _ID, nullable=False),
    *(Column(name, BigInteger, nullable=False) for name in COUNTS),
    Index(None, "day", "road"),
)
"""Passes by road, local day (`YYYY-MM-DD`) and kind of vehicle; the numbers are those of domain.statistics."""

INCIDENTS = Table(
    "incidents",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("root", _ID, nullable=False),
    Column("site", Text, nullable=False),
    Column("state", _ID, nullable=False),
    Column("reason", _ID, nullable=False),
    Column("below", Integer, nullable=False),
    Column("first_bad_ns", BigInteger, nullable=False),
    Column("opened_at_ns", BigInteger, nullable=False),
    Column("first_good_ns", BigInteger),
    Column("closed_at_ns", BigInteger),
    Column("resolution", _ID, nullable=False),
    Column("absorbed_by", _ID, nullable=False),
    Index(None, "opened_at_ns", "id"),
    Index(None, "state", "opened_at_ns", "id"),
    Index(None, "root", "opened_at_ns", "id"),
    Index(None, "closed_at_ns"),
)
"""`state` is open or closed; `below` counts the devices below the root when it was opened."""

INCIDENT_CHILDREN = Table(
    "incident_children",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("incident", _ID, ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False),
    Column("device", _ID, nullable=False),
    Column("cause", _ID, nullable=False),
    Column("fault", _ID, nullable=False),
    Column("first_bad_ns", BigInteger, nullable=False),
    Column("last_good_ns", BigInteger, nullable=False),
    Column("joined_at_ns", BigInteger, nullable=False),
    Column("left_at_ns", BigInteger),
    Column("how", _ID, nullable=False),
    Index(None, "incident", "joined_at_ns", "device"),
    Index(None, "device", "first_bad_ns"),
    Index(None, "cause"),
)
"""Faults that joined an incident. The device's down time from `first_bad_ns` (at the worst from `last_good_ns`) to
`left_at_ns` is inhibited by its parent, unless the device is the root itself. `how` it left: '' while it has not,
`back` (then `left_at_ns` is its first good look), `released` (its fault is its own from then on) or `moved` (another
incident has it)."""

COMMANDS = Table(
    "commands",
    METADATA,
    Column("command", _ID, primary_key=True),
    Column("verdict", _ID, nullable=False),
    Column("reason", Text, nullable=False),
    Column("device", _ID, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("event", _ID, nullable=False),
    Index(None, "at_ns"),
)
"""`verdict` is accepted or refused; `reason` is '' for an accepted one."""

CAMERAS = Table(
    "cameras",
    METADATA,
    Column("camera", _ID, primary_key=True),
    Column("kind", _ID, nullable=False),
    Column("name", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("camera_class", _ID, nullable=False),
    Column("description", JSON, nullable=False),
    Column("sealed", Text, nullable=False),
    Column("origin", _ID, nullable=False),
    Column("file", _ID, nullable=False),
    Column("actor", Text, nullable=False),
    Column("put_at_ns", BigInteger, nullable=False),
    Column("changed_at_ns", BigInteger, nullable=False),
    Column("removed_at_ns", BigInteger),
    Index(None, "removed_at_ns"),
    Index(None, "site"),
)
"""What is watched (`removed_at_ns` is NULL) and was: cameras, and whatever else the patrol visits.

`description` holds the settings that differ from their defaults, addresses redacted; `sealed` what is secret of them
(see domain/cameras.py), '' for none. `file` is the digest of what the configuration said last of it, '' when it says
nothing. `put_at_ns` is when it was added, `changed_at_ns` when it was last put or removed, by `actor`.
"""

SEGMENTS = Table(
    "segments",
    METADATA,
    Column("path", _ID, primary_key=True),
    Column("kind", _ID, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("day", _ID, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("from_ns", BigInteger, nullable=False),
    Column("to_ns", BigInteger, nullable=False),
    Column("seal", BigInteger, nullable=False),
    Index(None, "seal", "kind", "day", "partition"),
    Index(None, "kind", "from_ns"),
)

ARCHIVE_POSITIONS = Table(
    "archive_positions",
    METADATA,
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("ms", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
)
"""Per partition, the last position of `readings:{p}` whose rows are all in segments."""

DEAD_LETTER_COUNTS = Table(
    "dead_letter_counts",
    METADATA,
    Column("source", _ID, primary_key=True),
    Column("kept", BigInteger, nullable=False),
    Column("kept_bytes", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("gave_way", BigInteger, nullable=False),
    Column("forgotten", BigInteger, nullable=False),
)
"""Per source: received = kept + gave_way (dropped for the quota) + forgotten (taken away by a person or a retry)."""

DEAD_LETTERS = Table(
    "dead_letters",
    METADATA,
    Column("number", _SEQ, primary_key=True, autoincrement=True),
    Column("at_ns", BigInteger, nullable=False),
    Column("source", _ID, ForeignKey("dead_letter_counts.source"), nullable=False),
    Column("reason", _ID, nullable=False),
    Column("message", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("truncated", Boolean, nullable=False),
    Index(None, "source", "number"),
    sqlite_autoincrement=True,  # a number is never given twice
)
"""`size` is that of the whole content in bytes; `content` is its head when `truncated`."""

EXERCISES = Table(
    "exercises",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("device", _ID, nullable=False),
    Column("fault", _ID, nullable=False),
    Column("note", Text, nullable=False),
    Column("started_by", Text, nullable=False),
    Column("started_at_ns", BigInteger, nullable=False),
    Column("until_ns", BigInteger, nullable=False),
    Column("ended_by", Text, nullable=False),
    Column("ended_at_ns", BigInteger),
    Column("how", _ID, nullable=False),
    Column("drill", _ID, server_default="", nullable=False),
    Column("children", JSON, server_default="[]", nullable=False),
    Column("below", Integer, server_default="0", nullable=False),
    Index(None, "started_at_ns", "id"),
    Index(None, "ended_at_ns"),
    Index(None, "drill"),
)
"""Faults that are played. `id` is the cause of the alert and ticket; `ended_at_ns` is NULL while it lasts, `how` it
ended is '' then (see domain.field.ExerciseEnd). Those that were started together have one `drill`, '' of one alone. Of
a parent's outage `children` are the first that it takes along and `below` is how many."""

DEVICE_ACCESS = Table(
    "device_access",
    METADATA,
    Column("device", _ID, primary_key=True),
    Column("access", Text, nullable=False),
    Column("contact", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("changed_at_ns", BigInteger, nullable=False),
)
"""How to get to a device, who opens, and where the key is, as the last person who knew has written it."""

TICKET_PHOTOS = Table(
    "ticket_photos",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("ticket", _ID, nullable=False),
    Column("photo", _ID, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Index(None, "ticket", "at_ns", "id"),
    Index(None, "photo"),
)
"""Photos of repairs; `photo` names the object. No foreign key: a row outlives its ticket until it is released."""

SHIFT_LOG = Table(
    "shift_log",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("at_ns", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", _ID, nullable=False),
    Column("to", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("counts", JSON, nullable=False),
    Index(None, "at_ns", "id"),
)
"""`kind` is entry or handover, `to` who takes over; `counts` what was open at that moment, by name."""

FINDINGS = Table(
    "findings",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("source", _ID, nullable=False),
    Column("key", _ID, nullable=False),
    Column("device", _ID, nullable=False),
    Column("kind", _ID, nullable=False),
    Column("severity", _ID, nullable=False),
    Column("state", _ID, nullable=False),
    Column("title", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("raised_at_ns", BigInteger, nullable=False),
    Column("first_bad_ns", BigInteger, nullable=False),
    Column("cleared_at_ns", BigInteger),
    Column("first_good_ns", BigInteger),
    Column("resolution", _ID, nullable=False),
    Column("cleared_by", Text, nullable=False),
    Column("lat", Float),
    Column("lon", Float),
    Column("address", Text, nullable=False),
    Column("photos", JSON, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("verified_by", _ID, nullable=False),
    Index(None, "raised_at_ns", "id"),
    Index(None, "state", "raised_at_ns", "id"),
    Index(None, "key", "source"),
    Index(None, "device", "raised_at_ns", "id"),
    Index("ix_findings_cleared", "cleared_at_ns", sqlite_where=IS_CLEARED, postgresql_where=IS_CLEARED),
)
"""What people and other systems have found. `id` is the cause of the alert and ticket, `key` the source's own word.
`state` is open or cleared, `resolution` a domain.findings.FindingEnd, '' while it is open; `labels` are the source's.
"""

FINDING_REPORTERS = Table(
    "finding_reporters",
    METADATA,
    Column("key", _ID, primary_key=True),
    Column("at_ns", BigInteger, nullable=False),
    Column("first_name", Text, nullable=False),
    Column("last_name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("client", Text, nullable=False),
    Index(None, "at_ns"),
)
"""Who reported the finding with this key over Open311. Personal data: in no event, no log and no archive, and forgotten
after open311.reporters_days."""

TOKENS = Table(
    "tokens",
    METADATA,
    Column("name", _ID, primary_key=True),
    Column("role", _ID, nullable=False),
    Column("digest", _ID, nullable=False, unique=True),
    Column("created_at_ns", BigInteger, nullable=False),
    Column("revoked", Boolean, nullable=False),
    Column("team", Text, server_default="", nullable=False),
)
"""`team` is whose tickets a crew repairs, '' for all. `digest` is the SHA-256 of the token in hexadecimal; the token
itself is stored nowhere."""

AUDIT = Table(
    "audit",
    METADATA,
    Column("seq", _SEQ, primary_key=True, autoincrement=True),
    Column("at_ns", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Index(None, "at_ns"),
    sqlite_autoincrement=True,  # a number is never given twice
)
"""Who looked at or asked for what. Lines are added and, by age, pruned; nothing changes one."""

NOTIFICATION_POSITIONS = Table(
    "notification_positions",
    METADATA,
    Column("stream", _ID, primary_key=True),
    Column("seq", BigInteger, nullable=False),
)
"""How far `alerts` (alert_changes) and `tickets` (ticket_steps) have been led to receivers."""

NOTIFICATION_GROUPS = Table(
    "notification_groups",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("route", _ID, nullable=False),
    Column("receiver", _ID, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("due_ns", BigInteger, nullable=False),
    Column("told_ns", BigInteger, nullable=False),
    Index(None, "due_ns"),
    Index(None, "receiver"),
)
"""What one receiver is told together: heads of notifications.groups. `due_ns` is -1 while nothing is due."""

NOTIFICATION_MEMBERS = Table(
    "notification_members",
    METADATA,
    Column("group", _ID, ForeignKey("notification_groups.id", ondelete="CASCADE"), primary_key=True),
    Column("subject", _ID, primary_key=True),
    Column("cause", _ID, nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("told", Boolean, nullable=False),
    Column("body", JSON, nullable=False),
    Index(None, "subject"),
)
"""Alerts and tickets of a group that are open, or of which something is still to be told."""

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("seq", _SEQ, primary_key=True, autoincrement=True),
    Column("id", _ID, nullable=False, unique=True),
    Column("group", _ID, nullable=False),
    Column("receiver", _ID, nullable=False),
    Column("kind", _ID, nullable=False),
    Column("state", _ID, nullable=False),
    Column("reason", _ID, nullable=False),
    Column("detail", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("planned_at_ns", BigInteger, nullable=False),
    Column("next_ns", BigInteger, nullable=False),
    Column("settled_at_ns", BigInteger),
    Column("document", JSON, nullable=False),
    Index(None, "receiver", "state", "next_ns"),
    Index(None, "group", "state", "seq"),
    Index(None, "planned_at_ns", "id"),
    Index(None, "receiver", "planned_at_ns", "id"),
    Index(None, "state", "planned_at_ns", "id"),
    Index(None, "settled_at_ns"),
    sqlite_autoincrement=True,  # a number is never given twice
)
"""What was to be told. `state` is waiting, delivered, failed, dropped or quiet (kept from being sent: `reason` is then
silenced or inhibited). `next_ns` is when the next attempt is due. No secret of a receiver is in any column."""

DELIVERY_ATTEMPTS = Table(
    "delivery_attempts",
    METADATA,
    Column("seq", _SEQ, primary_key=True, autoincrement=True),
    Column("delivery", _ID, ForeignKey("deliveries.id", ondelete="CASCADE"), nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("took_ms", BigInteger, nullable=False),
    Column("result", _ID, nullable=False),
    Column("reason", _ID, nullable=False),
    Column("detail", Text, nullable=False),
    Index(None, "delivery", "seq"),
    sqlite_autoincrement=True,  # a number is never given twice
)
"""`result` is delivered, again (it is tried again) or refused (trying again would not help)."""
