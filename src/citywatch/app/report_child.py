"""The process that works reports out: `python -m citywatch.app.report_child`, started by report_room.ReportRoom.

Standard input: a briefing, then one question a line, as JSON. Standard output: for each the lengths of its head (JSON)
and of its content, as two hexadecimal numbers in SIZES_BYTES, then both. It ends when its input ends, or when nobody
has asked for a while: what a report holds in memory is then given back. One question at a time; the last report is
kept, because the same is often asked in several formats.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import re
import resource
import select
import signal
import sys
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO

from citywatch.errors import CitywatchError, ConfigurationError, OutsideError, RecordRefused
from citywatch.ports import ReportQuestion
from citywatch.telemetry import log_as_json

if TYPE_CHECKING:
    from citywatch.app.briefing import Briefing
    from citywatch.app.sla_work import Place
    from citywatch.sla.report import Report

IDLE_SECONDS = 300
_DATA_LIMIT_BYTES = 3 << 30
_PR_SET_PDEATHSIG = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
"""Whoever asks from outside names no file."""


class Desk:
    """Answers questions."""

    def __init__(self, briefing: Briefing) -> None:
        self._briefing = briefing
        self._last: tuple[ReportQuestion, int, Report] | None = None

    def answer(self, asked: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
        """Head and content. What is wrong about the question is said in the head."""
        try:
            return _ANSWERS[asked["ask"]](self, asked)
        except RecordRefused as error:
            return {"refused": error.reason, "field": error.field, "detail": str(error)}, b""
        except ConfigurationError as error:
            return {"refused": "configuration", "field": "", "detail": str(error)}, b""
        except CitywatchError as error:
            reason = error.reason if isinstance(error, OutsideError) else type(error).__name__
            return {"failed": reason, "detail": str(error)}, b""

    @cached_property
    def _place(self) -> Place:
        from citywatch.app.kernels import warm_imported  # noqa: PLC0415
        from citywatch.app.sla_work import Place  # noqa: PLC0415
        from citywatch.kernels import intervals  # noqa: F401, PLC0415

        warm_imported()
        briefing = self._briefing
        beside = briefing.place() if briefing.config_name else None
        return Place(briefing.directory(), briefing.settings(), beside, briefing.log_url or None)

    def _contracts(self, asked: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
        del asked
        from citywatch.app.sla_sources import contracts  # noqa: PLC0415

        found = []
        for contract, file in contracts(self._place.directory.root, self._place.contract_files()):
            told = contract.model_dump(mode="json", by_alias=True, exclude={"register_file"})
            found.append({**told, "comes_with_citywatch": file is None})
        return {"contracts": found}, b""

    def _report(self, asked: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
        from citywatch.app.sla_files import written  # noqa: PLC0415

        found = self._found(asked)
        content = written(found, asked["format"]) if asked["format"] else b""
        figure = found.window.figure()
        share = figure.share
        head = {
            "contract": found.contract.name,
            "from_ns": found.from_ns,
            "to_ns": found.to_ns,
            "as_known_at_ns": found.as_known_at_ns,
            "known_until_ns": found.known_until_ns,
            "worst": None if share is None else float(share.worst),
            "best": None if share is None else float(share.best),
            "verdict": None if share is None else share.verdict(found.target).value,
            # Whether anything at all was seen in the window: a report of a time before the city says nothing.
            "has_history": any((figure.best.up_ns, figure.best.down_ns, figure.best.excluded_ns)),
        }
        return head, content

    def _explain(self, asked: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
        from citywatch.sla.explain import Selection, explained  # noqa: PLC0415

        found = self._found(asked)
        told = explained(found, Selection(**asked["selection"]), most=asked["most"])
        return {}, json.dumps(told, ensure_ascii=False).encode()

    def _found(self, asked: Mapping[str, Any]) -> Report:
        from citywatch.app.sla_work import work_out  # noqa: PLC0415

        question = ReportQuestion(**asked["question"])
        if not _NAME.fullmatch(question.contract) or question.contract.endswith((".yaml", ".yml")):
            raise RecordRefused("no_contract", "contracts are asked for by their names", field="contract")
        now_ns = int(asked["now_ns"])
        if self._last is None or self._last[:2] != (question, now_ns):
            self._last = None  # give the memory of the old one back first
            self._last = question, now_ns, work_out(self._place, question, now_ns)
        return self._last[2]


_ANSWERS = {"contracts": Desk._contracts, "report": Desk._report, "explain": Desk._explain}


def main() -> None:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints goes to standard error
    lines = os.fdopen(os.dup(0), "rb", buffering=0)
    briefing = _briefing(lines)
    log_as_json("reports", briefing.log_level)
    _confine()
    desk = Desk(briefing)
    while select.select([lines], [], [], IDLE_SECONDS)[0] and (line := lines.readline()):
        head, content = desk.answer(json.loads(line))
        told = json.dumps(head).encode()
        answers.write(f"{len(told):08x} {len(content):08x}\n".encode() + told + content)
        answers.flush()
    logging.shutdown()


def _briefing(lines: BinaryIO) -> Briefing:
    from citywatch.app.briefing import Briefing  # noqa: PLC0415

    return Briefing.from_line(lines.readline().decode())


def _confine() -> None:
    """Behind everything that decides, with a limit of memory, and gone with who started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_DATA, (_DATA_LIMIT_BYTES, _DATA_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(10)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


if __name__ == "__main__":
    main()
