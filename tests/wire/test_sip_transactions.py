"""Retransmissions: theirs get the answer they had, ours stop when somebody answers; both within bounds."""

import pytest

from citywatch.wire.sip_transactions import LIFETIME_NS, Answers, Questions

MS = 10**6


def test_an_answer_is_kept_for_its_transaction_and_source():
    answers = Answers(10)
    answers.keep("a:1", "t", b"200", 0)
    assert answers.get("a:1", "t", LIFETIME_NS - 1) == b"200"
    assert answers.get("b:1", "t", 0) is None
    assert answers.get("a:1", "t", LIFETIME_NS) is None
    assert len(answers) == 0


def test_the_oldest_gives_way():
    answers = Answers(2)
    for n in range(4):
        answers.keep("a", str(n), b"x", n)
    assert [answers.get("a", str(n), 4) for n in range(4)] == [None, None, b"x", b"x"]
    assert answers.gave_way == 2


def times(questions, until_ns):
    """When something was sent again, and when it was given up, in milliseconds."""
    again, given_up = [], []
    for now_ns in range(0, until_ns, 100 * MS):
        for _, is_again in questions.due(now_ns):
            (again if is_again else given_up).append(now_ns // MS)
    return again, given_up


def test_a_datagram_is_sent_again_ever_later_and_given_up():
    questions = Questions(4)
    questions.ask("b", b"", "what", reliable=False, now_ns=0)
    again, given_up = times(questions, LIFETIME_NS + 1000 * MS)
    assert again == [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]
    assert given_up == [32000]
    assert len(questions) == 0


def test_a_stream_is_not():
    questions = Questions(4)
    questions.ask("b", b"", "what", reliable=True, now_ns=0)
    assert times(questions, LIFETIME_NS + 1000 * MS) == ([], [32000])


def test_an_answer_ends_it_and_a_provisional_one_does_not():
    questions = Questions(1)
    questions.ask("b", b"", "what", reliable=False, now_ns=0)
    assert questions.full
    with pytest.raises(ValueError, match="too many"):
        questions.ask("c", b"", "other", reliable=False, now_ns=0)
    assert questions.answered("b", 100) is None
    assert questions.answered("x", 200) is None
    assert questions.answered("b", 200).what == "what"
    assert questions.answered("b", 200) is None
    assert times(questions, LIFETIME_NS) == ([], [])
