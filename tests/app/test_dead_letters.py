"""`citywatch deadletter`: what was refused is told with its reason, never its plates, and can be handed in again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from citywatch.adapters.log.embedded import EmbeddedServer
from citywatch.adapters.log.redis_streams import RedisLog
from citywatch.adapters.store.sql import SqlStore
from citywatch.app.data_dir import DataDir
from citywatch.app.offline import list_dead_letters, replay_files, retry_dead_letters
from citywatch.ports import ORIGIN
from citywatch.settings import Settings
from citywatch.testing import rows as city
from citywatch.wire.blobs import decode, encode

RECORD = {
    "previewStationCode": "CS01",
    "previewDate": "2026-01-31 08:00:00.250",
    "licenseCodeFront": "湘A12345",
    "laneNo": 2,
    "axisNum": 2,
    "totalWeight": 12_000,
    "axle1Weight": 5000,
    "axle2Weight": 7000,
}


def refused(directory: DataDir, source: str, content: bytes) -> None:
    store = SqlStore.open(directory.database)
    store.dead_letter(at_ns=city.START_NS, source=source, reason="spacing", message="not understood", content=content)
    store.close()


def listed(
    directory: DataDir, capsys: pytest.CaptureFixture[str], source: str | None = None
) -> list[dict[str, object]]:
    capsys.readouterr()
    list_dead_letters(directory.root, config=None, source=source, limit=100, as_json=True)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_listed_without_content(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = DataDir.open(tmp_path / "data")
    refused(directory, "http:passes", json.dumps([RECORD], ensure_ascii=False).encode())
    (letter,) = listed(directory, capsys)
    assert (letter["source"], letter["reason"], letter["recording"]) == ("http:passes", "spacing", "")
    assert "12345" not in json.dumps(letter)


def test_what_a_replay_refused_is_listed_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = DataDir.open(tmp_path / "data")
    spoiled = tmp_path / "spoiled.MON"
    spoiled.write_text("garbage\n\n")
    replay_files(
        [spoiled],
        law="cn-gross",
        summary=None,
        events=None,
        data_dir=directory.root,
        station="s",
        time_zone="UTC",
        fold="earlier",
    )
    letters = listed(directory, capsys, "replay")
    assert [letter["reason"] for letter in letters] == ["truncated", "empty_line"]
    assert {letter["recording"] for letter in letters} == {"000001-spoiled.MON"}


def test_handed_in_again_after_a_fix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The city stands still: its log server is started for the moment, and the rows wait there for the next run."""
    directory = DataDir.open(tmp_path / "data")
    lorry = city.passes([("st/d1/l1", city.START_NS, 1, [6000, 9000])])
    refused(directory, "http:passes", json.dumps([RECORD]).encode())
    refused(directory, "step:passes", encode(lorry))
    refused(directory, "http:passes", json.dumps([RECORD | {"totalWeight": -1}]).encode())
    refused(directory, "http:heartbeats", b"[]")
    assert retry_dead_letters(directory.root, config=None, source=None, numbers=()) == 1
    said = capsys.readouterr().out
    assert "2 handed in again, 2 stay" in said
    assert [letter["number"] for letter in listed(directory, capsys)] == [3, 4]
    with EmbeddedServer(directory.log) as server:
        log = RedisLog(server.url, Settings().log.partitions)
        found = log.read(dict.fromkeys(range(log.partitions), ORIGIN), most=10, block_ms=0)
        batches = [decode(entry.blob) for entries in found.values() for entry in entries]
        log.close()
    assert sorted(batch.device[0] for batch in batches) == ["CS01/d0/l2", "st/d1/l1"]  # type: ignore[attr-defined]
    assert lorry in batches
