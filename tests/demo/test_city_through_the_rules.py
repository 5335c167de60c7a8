"""The made-up city against the real law and the real picture rules: what the plan says is what the system will say."""

from dataclasses import asdict

import cv2
import numpy as np
import pytest

from citywatch import laws
from citywatch.adapters.cameras.measure import LumaOnly, make_grid, measure
from citywatch.app.steps import instruments
from citywatch.demo import city, play
from citywatch.domain.passes import Decision, PassBatch
from citywatch.domain.pictures import Fault, Light, Outcome
from citywatch.rules import overload
from citywatch.rules.pictures import Look, conclude
from citywatch.settings import Settings
from citywatch.wire import station_json

SEED = 1
NS = 1_000_000_000
MEANT = {
    city.Load.LAWFUL: Decision.LAWFUL,
    city.Load.UNDECIDED: Decision.UNDECIDED,
    city.Load.OVER: Decision.OVER,
}


@pytest.mark.parametrize("law", ["", "cn-gross"])
@pytest.mark.parametrize("lane", range(len(city.LANES)))
def test_the_law_agrees_with_every_load(lane, law):
    lorries = [city.lorry(SEED, lane, number) for number in range(300)]
    sent = [station_json.decode(play.station_record(lorry, 1_777_863_600 * NS)).batch for lorry in lorries]
    settings = city.demonstration(Settings(), port=0)
    assert settings.law == "cn-full"
    verdicts = overload.judge(laws.load(law or settings.law), PassBatch.concat(sent), instruments(settings))
    assert [Decision(d) for d in verdicts.decision.tolist()] == [MEANT[lorry.load] for lorry in lorries]
    assert not verdicts.suspect.any()


def looks(device, seconds):
    """(second, faults that the picture rules find) of visits to a camera at these seconds."""
    eye = play.Eye(SEED, next(camera for camera in city.CAMERAS if camera.device == device))
    history, previous, previous_ns = None, None, -1
    for visit, at_s in enumerate(seconds, start=1):
        picture = cv2.imdecode(np.frombuffer(eye.jpeg(at_s), np.uint8), cv2.IMREAD_GRAYSCALE)
        grid = make_grid(picture)
        m = measure(LumaOnly(picture), grid, previous)
        at_ns = round(at_s * NS)
        figures = asdict(m) | {"light": Light(m.light)}
        look = Look(
            device=device, at_ns=at_ns, visit=visit, outcome=Outcome.PICTURE, reason="ok", media_ns=-1, **figures,
            picture=f"{visit:064x}", previous=f"{visit - 1:064x}" if visit > 1 else "", previous_at_ns=previous_ns,
        )  # fmt: skip
        history, findings, _ = conclude(history, look)
        yield at_s, {finding.fault for finding in findings}
        previous, previous_ns = grid, at_ns


@pytest.mark.parametrize(
    "planned", [i for i in city.incidents(SEED, 0) if i.fault in play.DRAWN], ids=lambda i: i.fault
)
def test_planned_faults_are_seen_and_nothing_else(planned):
    """Visits as the demonstration makes them: before, during and after a fault of the first cycle."""
    before = [planned.from_s - 2 * city.VISIT_EVERY_S, planned.from_s - city.VISIT_EVERY_S]
    during = [planned.from_s + 0.5 + n * city.VISIT_EVERY_S for n in range(5)]
    after = [planned.to_s + 0.5 + n * city.VISIT_EVERY_S for n in range(3)]
    found = dict(looks(planned.device, [at_s for at_s in (*before, *during, *after) if at_s >= 0]))
    assert [at_s for at_s in (*before, *after) if found.get(at_s)] == []
    wanted = during[3:] if planned.fault is Fault.FROZEN else during  # frozen needs a chain of pairs
    assert [found[at_s] for at_s in wanted] == [{planned.fault}] * len(wanted)
    assert set().union(*(found[at_s] for at_s in during)) == {planned.fault}


@pytest.mark.parametrize("camera", city.CAMERAS, ids=lambda camera: camera.device)
def test_a_camera_in_order_is_never_accused(camera):
    """Day and night, quiet or busy: no fault in a minute without one."""
    quiet = [
        n * 4.0 for n in range(100) if all(city.incident(SEED, camera.device, n * 4.0 + d) is None for d in (-4, 0))
    ]
    assert len(quiet) >= 15
    assert [(at_s, faults) for at_s, faults in looks(camera.device, quiet[:15]) if faults] == []
