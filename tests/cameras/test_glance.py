"""A glance at a snapshot: what is new to it, what is still, when it is enough, and that it never speaks of a fault."""

import itertools
import math
from dataclasses import replace

import cv2
import numpy as np
import pytest

from citywatch.adapters.cameras import decode, glance
from citywatch.adapters.cameras.answers import Still
from citywatch.adapters.cameras.examiner import Examiner
from citywatch.adapters.cameras.pipe import Report, Settings
from citywatch.adapters.cameras.remembered import Memory
from citywatch.domain.pictures import Outcome
from citywatch.kernels import _jit
from citywatch.testing.scene_faults import RECIPES, spoil
from citywatch.testing.street_life import StreetLife

NOON_S = 12 * 3600.0
SEVERE = (
    "covered/plate", "partly_covered/sticker", "out_of_focus", "moved/pan", "colour_cast/blue", "snow/impulses",
    "stripes/rows", "low_contrast/fog", "infrared_stuck/day",
)  # fmt: skip


def jpeg_of(picture):
    return cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420), [cv2.IMWRITE_JPEG_QUALITY, 85])[
        1
    ].tobytes()


@pytest.fixture(scope="module")
def life():
    return StreetLife(101, 640, 360, weather=False)


@pytest.fixture(scope="module")
def stills(life):
    """The street in order, five minutes apart."""
    return [jpeg_of(life.look(NOON_S + 300.0 * number)) for number in range(6)]


@pytest.mark.parametrize("name", SEVERE)
def test_what_a_severe_fault_does_is_new(life, stills, name):
    bad = glance.take(jpeg_of(spoil(life, RECIPES[name], "severe", NOON_S + 600.0, look=2)))
    marks = [glance.take(still) for still in stills]
    assert glance.is_new(bad, marks[3::-1], marks[4])


def test_traffic_is_not_new_and_a_frozen_picture_is_still(life, stills):
    marks = [glance.take(still) for still in stills]
    assert sum(glance.is_new(marks[number], marks[:1], marks[number - 1]) for number in range(2, 6)) <= 1
    assert not any(glance.is_still(now, last) for last, now in itertools.pairwise(marks))
    stopped = [
        glance.take(jpeg_of(spoil(life, RECIPES["frozen/clock"], "medium", NOON_S + at_s, since_s=NOON_S)))
        for at_s in (300.0, 600.0)
    ]
    assert glance.is_still(stopped[1], stopped[0])


def brighter(mark, factor):
    """The same view by another light."""
    return replace(mark, levels=np.clip(np.round(mark.levels * factor), 0, 255).astype(np.uint8))


def test_light_that_creeps_is_followed_so_far_and_light_that_returns_is_known(stills):
    noon = glance.take(stills[0])
    steps = [brighter(noon, math.exp(-0.065 * number)) for number in range(9)]
    assert not glance.is_new(steps[5], [noon], steps[4])  # it crept, and is not far from noon
    assert glance.is_new(steps[5], [noon], noon)  # it went dark at once
    far = brighter(noon, math.exp(-glance.FAR * glance.LIGHT - 0.1))
    assert glance.is_new(far, [noon], far)
    assert not glance.is_new(far, [noon, brighter(far, 1.05)], noon)  # a cloud that was there before
    assert glance.is_new(noon, [], noon)


@pytest.mark.parametrize(("size", "new"), [(1.0, False), (1.05, False), (1.2, True), (0.8, True)])
def test_another_coded_size_is_new_before_anything_is_decoded(stills, size, new):
    marks = [glance.take(stills[0]), replace(glance.take(stills[0]), coded_bytes=10)]
    assert glance.has_another_size(round(size * marks[0].coded_bytes), marks) is new
    now = replace(marks[0], coded_bytes=round(size * marks[0].coded_bytes))
    assert glance.is_new(now, marks[:1], marks[1]) is new


def test_cells_of_full_detail_are_compared_as_all_others(stills):
    mark = replace(glance.take(stills[0]), details=np.full(144, 253, np.uint8))
    assert glance.unlikeness(mark, mark) == 0.0


def test_a_mark_travels_as_text_and_anything_else_is_none(stills):
    mark = glance.take(stills[0])
    again = glance.read(mark.text())
    assert len(mark.text()) < 500
    assert glance.unlikeness(again, mark) < 0.1
    assert glance.is_still(again, mark)
    assert glance.read("") is None
    assert glance.read("é") is None
    assert glance.read(mark.text()[:-8]) is None


@pytest.mark.parametrize("size", [(1280, 720), (704, 576), (1366, 768)])
def test_a_full_look_leaves_the_mark_that_a_glance_would(size):
    picture = cv2.resize(np.random.default_rng(3).integers(0, 255, (40, 60, 3), np.uint8), size)
    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
    small, full = glance.take(jpeg), glance.take_of(decode.decode_still(jpeg, 1 << 24))
    assert (small.width, small.height) == (full.width, full.height)
    assert glance.unlikeness(small, full) < 1.0
    assert glance.is_still(small, full)


def test_a_small_picture_and_one_of_another_size_are_looked_at_in_full(stills):
    tiny = cv2.imencode(".jpg", np.full((120, 160, 3), 90, np.uint8))[1].tobytes()
    assert glance.take(tiny) is None
    assert glance.take(b"\xff\xd8 no picture \xff\xd9") is None
    large = cv2.imencode(".jpg", cv2.resize(cv2.imdecode(np.frombuffer(stills[0], np.uint8), 1), (768, 432)))[1]
    assert glance.unlikeness(glance.take(large.tobytes()), glance.take(stills[0])) == math.inf


class Camera:
    """Visits to one camera, by what the patrol remembers and what the decoder does."""

    def __init__(self, folder, full_every):
        self.memory = Memory("a camera")
        self.memory.ahead = 0
        self.examiner = Examiner(Settings(str(folder), 1 << 24, 1 << 24, 1 << 30, 1 << 24, 1.0, 0, 0))
        self.full_every = full_every

    def visit(self, still):
        self.memory.visits += 1
        task, content = self.memory.task(Still(still), "", self.full_every)
        report = self.examiner.visit(task, content)
        row = self.memory.row("c", report, at_ns=self.memory.visits, received_ns=0, preset="")
        self.memory.remember(report, "")
        return row

    def outcomes(self, stills):
        return [Outcome(int(self.visit(still).outcome[0])).name for still in stills]


@pytest.fixture
def camera(tmp_path, monkeypatch, stills):
    """A camera whose reference is known, seen once since."""
    monkeypatch.setattr(_jit, "warm", lambda: 0)  # what is used here is enough
    camera = Camera(tmp_path, 4)
    camera.memory.adopt("day", "", str(camera.visit(stills[0]).sketch[0]))
    assert camera.outcomes([stills[1]]) == ["PICTURE"]
    return camera


def test_between_full_looks_a_glance_is_enough_and_keeps_the_chain_of_pictures(camera, stills):
    before = camera.memory.picture
    assert camera.outcomes(stills[2:5]) == ["GLANCE"] * 3
    row = camera.visit(stills[5])
    assert row.outcome[0] == Outcome.PICTURE  # the fourth visit since the last full look
    assert row.previous[0] == before
    assert row.changed_share[0] > 0.1
    assert row.sketch[0] or row.reference[0]
    assert camera.outcomes(stills[2:4]) == ["GLANCE"] * 2
    glanced = camera.visit(stills[4])
    assert (glanced.outcome[0], glanced.picture[0]) == (Outcome.GLANCE, camera.memory.picture)
    assert (glanced.width[0], glanced.height[0], glanced.coded_bytes[0]) == (640, 360, len(stills[4]))
    assert np.isnan(glanced.mean[0])


def test_turns_are_counted_from_the_last_full_look_and_not_those_of_all_cameras_at_once():
    looked = Report(int(Outcome.PICTURE), "ok", measurement={"reference": "r"}, picture="p", mark="m")
    glanced = Report(int(Outcome.GLANCE), "ok", mark="m")
    firsts = set()
    for name in "abcdefghijklmnop":
        memory = Memory(name)
        memory.adopt("day", "", "r")
        full = []
        for visit in range(40):
            task, _ = memory.task(Still(b"x"), "", 4)
            report = glanced if task.known_marks else looked
            memory.picture = "p"
            memory.remember(report, "")
            full += [visit] if report is looked else []
        assert {later - earlier for earlier, later in itertools.pairwise(full[2:])} == {4}
        firsts.add(full[1])
    assert firsts == {1, 2, 3, 4}


def test_what_is_new_or_still_is_looked_at_in_full(camera, life, stills):
    covered = jpeg_of(spoil(life, RECIPES["covered/plate"], "severe", NOON_S))
    camera.full_every = 1000
    assert camera.outcomes([stills[2], covered, covered]) == ["GLANCE", "PICTURE", "PICTURE"]
    assert camera.outcomes([stills[4], stills[4], stills[4]]) == ["GLANCE", "PICTURE", "PICTURE"]


def test_suspects_cameras_without_a_reference_and_those_that_failed_are_looked_at_in_full(camera, stills):
    camera.full_every = 1000
    camera.memory.suspect("snow", holds=True)
    assert camera.outcomes(stills[2:4]) == ["PICTURE"] * 2
    camera.memory.suspect("snow", holds=False)
    assert camera.outcomes(stills[4:6]) == ["PICTURE", "GLANCE"]
    camera.memory.remember(Report(int(Outcome.UNREACHABLE), "refused"), "")
    assert camera.outcomes(stills[1:3]) == ["PICTURE", "GLANCE"]
    camera.memory.adopt("day", "", "")
    assert camera.outcomes(stills[3:5]) == ["PICTURE"] * 2
    camera.memory.adopt("day", "", "0" * 64)  # its picture is gone: it has to be learned anew
    assert camera.outcomes(stills[1:3]) == ["PICTURE"] * 2


def test_marks_are_of_one_view_in_order_and_few(camera, stills):
    memory = camera.memory
    looked = Report(int(Outcome.PICTURE), "ok", measurement={"reference": "r"}, picture="p", mark="m")
    for number in range(9):
        memory.remember(replace(looked, mark=f"m{number}"), "")
    assert memory.marks == ("m8", "m7", "m6", "m5")
    memory.suspect("snow", holds=True)
    assert memory.marks == ()
    memory.remember(looked, "gate")
    memory.remember(looked, "gate")
    assert memory.marks == ("m", "m")
    memory.remember(looked, "yard")
    assert memory.marks == ("m",)
    memory.remember(replace(looked, measurement={"reference": ""}), "yard")
    assert memory.marks == ()


def test_every_visit_is_a_full_look_where_the_configuration_says_so(camera, stills):
    camera.full_every = 1
    assert camera.outcomes(stills[2:]) == ["PICTURE"] * 4
