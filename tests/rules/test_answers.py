"""What the rules say of each fault of a camera's last look, and that nothing is said in its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from citywatch import console
from citywatch.app.checks.looks import IN_ORDER, Patrol
from citywatch.domain.instants import NS_PER_S
from citywatch.domain.pictures import Outcome, VisitReason
from citywatch.domain.state import State
from citywatch.domain.vocabularies import CAMERA_FAULTS
from citywatch.rules.answers import ROOM, Answer, last_answers
from citywatch.rules.cameras import CameraPolicy, on_looks
from citywatch.rules.comparison import Own
from citywatch.rules.pictures import Why

NOON_NS = 1_800_000_000 * NS_PER_S


class Camera:
    """One camera, its rules, and a patrol that is told what it shall see."""

    def __init__(self):
        self.state, self.patrol, self.at_ns = State(), Patrol(), NOON_NS

    def look(self, sees, light="day", **measurements):
        self.at_ns += 300 * NS_PER_S
        batch = self.patrol.looks(["gate"], self.at_ns, sees, light, "", measurements)
        for event in on_looks(self.state, batch, CameraPolicy()):
            self.patrol.on_event(event)
        told = last_answers(self.state.get(ROOM, "gate"))
        assert [one.fault for one in told.answers] == [fault.value for fault in CAMERA_FAULTS]
        return told, {one.fault: one for one in told.answers}


def test_each_fault_has_one_of_three_answers_and_those_that_were_not_checked_say_why():
    camera = Camera()
    told, answers = camera.look(IN_ORDER)
    assert told.at_ns == camera.at_ns
    assert answers["black"].answer is Answer.FINE
    assert answers["black"].last_fine_ns == camera.at_ns
    assert (answers["moved"].answer, answers["moved"].why) == (Answer.COULD_NOT_BE_CHECKED, "no_reference")
    assert all(bool(one.why) == (one.answer is Answer.COULD_NOT_BE_CHECKED) for one in answers.values())

    _, answers = camera.look("unreachable")
    assert (answers["unreachable"].answer, answers["unreachable"].phase) == (Answer.FAULT, "suspect")
    assert (answers["black"].answer, answers["black"].why) == (Answer.COULD_NOT_BE_CHECKED, "no_picture")
    assert answers["black"].last_fine_ns == camera.at_ns - 300 * NS_PER_S
    _, answers = camera.look("unreachable")
    assert answers["unreachable"].phase == "confirmed"
    _, answers = camera.look(IN_ORDER)
    assert (answers["unreachable"].answer, answers["unreachable"].phase) == (Answer.FINE, "confirmed")


def test_a_glance_takes_no_answer_back():
    camera = Camera()
    told, answers = camera.look(IN_ORDER)
    again, glanced = camera.look(IN_ORDER, outcome=Outcome.GLANCE)
    assert again.at_ns == told.at_ns
    assert {fault: (one.answer, one.why) for fault, one in glanced.items()} == {
        fault: (one.answer, one.why) for fault, one in answers.items()
    }
    assert glanced["unreachable"].last_fine_ns == camera.at_ns


def test_a_row_of_before_has_no_answers():
    camera = Camera()
    camera.look(IN_ORDER)
    row = dict(camera.state.get(ROOM, "gate"))
    del row["judged_ns"], row["unchecked"]
    assert last_answers(row) is None


@pytest.mark.parametrize("words", [Why, Own, VisitReason])
def test_the_console_has_words_for_every_reason(words):
    said = json.loads((Path(console.__file__).parent / "words.json").read_text("utf-8"))
    missing = [word.value for word in words if f"why_{word.value}" not in said and word is not VisitReason.OK]
    assert missing == []
