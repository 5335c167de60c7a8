"""What a station's record says beside the weight, and that with it every kind of evasion can be told by a push."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from benchmarks.scales.evasion import Score
from test_station_json import RECORD, refused, send

from citywatch.domain.evasion import Evasion
from citywatch.domain.passes import PassBatch, ScaleStatus
from citywatch.rules.evasion import EvasionPolicy
from citywatch.testing.evasion_traffic import TUNED, scene
from citywatch.wire.station_json import Refusal, StationFormat, decode, encode

SEEDS = (1, 2)
SAID = {
    "vehicleLength": 17_200,
    "leftWeights": "3200,4600,4600,4500,4500,4500",
    "axleSpeeds": "72,71.8,71.6,71.4,71.2,71",
    "acceleration": -0.35,
    "occupancyTime": "890",
    "wrongWay": 1,
    "sideAxisNum": 6,
    "scaleStatus": "partial_wheel, plate_covered",
}


def test_what_is_said_becomes_columns_and_does_not_change_the_identity():
    result = send({**RECORD, **SAID})
    batch = result.batch
    assert (result.unknown_keys, batch.digest.tolist()) == (0, send(RECORD).batch.digest.tolist())
    assert (batch.length_mm[0], batch.occupancy_ms[0], batch.travel[0], batch.camera_axles[0]) == (17_200, 890, -1, 6)
    assert batch.acceleration_mps2[0] == -0.35
    assert batch.left_kg.tolist() == [[3200, 4600, 4600, 4500, 4500, 4500]]
    assert batch.axle_speed_mps[0].tolist() == pytest.approx(
        [20, 71.8 / 3.6, 71.6 / 3.6, 71.4 / 3.6, 71.2 / 3.6, 71 / 3.6]
    )
    assert int(batch.status[0]) == ScaleStatus.PARTIAL_WHEEL | ScaleStatus.PLATE_COVERED
    assert int(send({**RECORD, "scaleStatus": ["STOPPED"], "crossLane": 1}).batch.status[0]) == 10


def test_what_is_not_said_stays_unknown():
    batch = send(RECORD).batch
    assert batch.left_kg.shape == batch.axle_speed_mps.shape == (1, 0)
    assert math.isnan(batch.acceleration_mps2[0])
    assert [send({**RECORD, "wrongWay": word}).batch.travel[0] for word in (None, "", 0, False, "是")] == [
        0,
        0,
        1,
        1,
        -1,
    ]


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"leftWeights": "1,2"}, "leftWeights", Refusal.AXLES_CONTRADICT),
        ({"leftWeights": {"a": 1}}, "leftWeights", Refusal.WRONG_TYPE),
        ({"leftWeights": [1, 2, 3, 4, 5, -6]}, "leftWeights", Refusal.OUT_OF_RANGE),
        ({"axleSpeeds": "1,2,3,4,5,401"}, "axleSpeeds", Refusal.OUT_OF_RANGE),
        ({"axleSpeeds": "1,2,3,4,5,x"}, "axleSpeeds", Refusal.NOT_A_NUMBER),
        ({"acceleration": "-1001"}, "acceleration", Refusal.OUT_OF_RANGE),
        ({"vehicleLength": 17.2}, "vehicleLength", Refusal.NOT_WHOLE),
        ({"occupancyTime": -1}, "occupancyTime", Refusal.OUT_OF_RANGE),
        ({"wrongWay": "left"}, "wrongWay", Refusal.BAD_TEXT),
        ({"sideAxisNum": 1_000}, "sideAxisNum", Refusal.OUT_OF_RANGE),
        ({"scaleStatus": "tired"}, "scaleStatus", Refusal.BAD_TEXT),
        ({"scaleStatus": 3}, "scaleStatus", Refusal.BAD_TEXT),
        ({"scaleStatus": [True]}, "scaleStatus", Refusal.WRONG_TYPE),
    ],
)
def test_what_is_wrong_is_named(changes, field, reason):
    found = refused(**changes)
    assert (found.field, found.reason) == (field, reason)


def test_every_kind_of_evasion_is_told_of_what_came_as_json():
    """The station's record carries all that the rules need: the same vehicles are found as without the wire."""
    form = StationFormat()
    whole, pushed = Score(), Score()
    for seed in SEEDS:
        made = scene(seed, TUNED, passes=300, evaders=24)
        told = decode(encode(made.passes, form), form, most=len(made.passes)).batch
        columns = {column.name: getattr(told, column.name) for column in PassBatch.COLUMNS}
        # Sightings are compared by their digests, which the generator makes in its own way.
        whole.take(made, EvasionPolicy())
        pushed.take(replace(made, passes=PassBatch(**{**columns, "digest": made.passes.digest})), EvasionPolicy())
    assert pushed.found == whole.found
    assert set(+pushed.found) == {kind.value for kind in Evasion if kind is not Evasion.DETOUR}
