"""Every fault has its row, every foreign word is mapped or says why not, and the page shows the table."""

import re
from pathlib import Path

import pytest

from citywatch.domain.faults import NOT_OF_CAMERAS
from citywatch.domain.pictures import Fault
from citywatch.domain.ticket_words import DESK_CITATIONS, DESK_WORDS, TICKET_WORDS, Desk, states_of, words_of
from citywatch.domain.tickets import TicketEnd, TicketState
from citywatch.domain.vocabularies import (
    CAMERA_FAULTS,
    CITATIONS,
    WORDS,
    Vocabulary,
    fault_of_onvif_topic,
    find,
    gb28181_alarm,
    words_for,
)

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "vocabularies.md").read_text()


def section(heading):
    return re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)[1]


def rows(text):
    return {cells[0].strip("` "): cells[1:] for cells in (line.strip("|").split(" | ") for line in text.splitlines()
                                                         if line.startswith("| `"))}  # fmt: skip


def test_every_camera_fault_has_a_row_on_the_page():
    shown = rows(section("By fault"))
    assert (
        list(shown) == [fault.value for fault in CAMERA_FAULTS] == [f.value for f in Fault if f not in NOT_OF_CAMERAS]
    )
    for fault in CAMERA_FAULTS:
        for cell, vocabulary in zip(shown[fault.value], Vocabulary, strict=True):
            assert re.findall(r"`([^`]+)`", cell) == [word.word for word in words_for(fault, vocabulary)]


@pytest.mark.parametrize(
    ("vocabulary", "heading"),
    [
        (Vocabulary.ONVIF, "ONVIF"),
        (Vocabulary.DIAGNOSIS, "Picture diagnosis"),
        (Vocabulary.GB28181, "GB/T 28181 alarms"),
    ],
)
def test_every_foreign_word_is_on_the_page(vocabulary, heading):
    shown = rows(section(heading))
    wanted = [word for word in WORDS if word.vocabulary is vocabulary]
    assert list(shown) == [word.word for word in wanted]
    for word in wanted:
        meaning, faults = shown[word.word]
        assert meaning == word.meaning + (" [check]" if word.check else "")
        assert re.findall(r"`([^`]+)`", faults) == [fault.value for fault in word.faults]
    assert CITATIONS[vocabulary] in section(heading)


def test_every_foreign_word_is_mapped_or_explicitly_none():
    assert len({(word.vocabulary, word.word) for word in WORDS}) == len(WORDS)
    for word in WORDS:
        assert bool(word.faults) != bool(word.none_because), word
        assert set(word.faults) <= set(CAMERA_FAULTS), word
    assert [w.word for w in WORDS if w.vocabulary is Vocabulary.GB28181 and not w.check] == []
    assert sum(w.vocabulary is Vocabulary.DIAGNOSIS for w in WORDS) == 15


def test_words_are_found():
    assert fault_of_onvif_topic("VideoSource/ImageTooDark/ImagingService") is Fault.BLACK
    assert fault_of_onvif_topic("Device/Trigger/DigitalInput") is None
    assert gb28181_alarm(2, 1).faults[0] is Fault.NO_MEDIA
    assert gb28181_alarm(5, 13).faults[0] is Fault.COVERED
    assert gb28181_alarm(5, 99) is find(Vocabulary.GB28181, "5")
    assert gb28181_alarm(9, None) is None


DESKS = {Desk.GB30428: "GB/T 30428.8", Desk.ITIL: "ITIL", Desk.OPEN311: "Open311", Desk.DIGITRAFFIC: "Digitraffic"}


def test_every_state_of_a_ticket_has_its_words_and_its_row():
    assert {stands.state for stands in TICKET_WORDS} == set(TicketState)
    assert {stands.how for stands in TICKET_WORDS if stands.state is TicketState.CLOSED} == set(TicketEnd)
    known = {(word.desk, word.word) for word in DESK_WORDS}
    lines = [line for line in section("Tickets by state").splitlines() if line.startswith("| `")]
    for line, stands in zip(lines, TICKET_WORDS, strict=True):
        words = [stands.words[desk] for desk in Desk]
        assert {(desk, word) for desk, word in zip(Desk, words, strict=True) if word} <= known
        assert re.findall(r"`([^`]+)`", line) == [word for word in (stands.state, stands.how, *words) if word]


@pytest.mark.parametrize("desk", Desk)
def test_every_word_of_a_desk_is_on_the_page_and_means_a_state_or_says_why_not(desk):
    shown, wanted = rows(section(DESKS[desk])), [word for word in DESK_WORDS if word.desk is desk]
    assert list(shown) == [word.word for word in wanted]
    assert DESK_CITATIONS[desk] in section(DESKS[desk])
    for word in wanted:
        assert bool(states_of(word)) != bool(word.none_because), word
        meaning, states = shown[word.word]
        assert meaning == word.meaning + (" [check]" if word.check else "")
        mine = list(dict.fromkeys(stands.state.value for stands in states_of(word)))
        assert re.findall(r"`([^`]+)`", states) == mine


def test_a_ticket_is_called_by_its_state_and_how_it_got_there():
    assert words_of("closed", end="cancelled")[Desk.ITIL] == "cancelled"
    assert words_of("handled", outcome="not_repairable")[Desk.DIGITRAFFIC] == "3"
    assert words_of("handled", outcome="repaired")[Desk.DIGITRAFFIC] == "5"
    assert words_of("accepted", outcome="")[Desk.GB30428] == "handle"
