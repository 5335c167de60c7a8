"""What `citywatch check-rules` prints and writes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from citywatch.app.checks.run import Outcome

_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_text(outcomes: Sequence[Outcome], file: Path) -> Iterator[str]:
    """One line a test, two and more for one that failed, and the sum."""
    for one in outcomes:
        speed = f"{one.simulated_s:,} s in {one.real_s:.1f} s"
        yield f"{'FAILED' if one.failures else 'ok':<6}  {one.name}  ({file}, line {one.line}; {speed})"
        for failure in one.failures:
            yield f"        line {failure.line}, {failure.when}:"
            yield f"          expected  {failure.expected}"
            yield f"          found     {failure.found}"
    failed = sum(bool(one.failures) for one in outcomes)
    yield f"{len(outcomes)} tests, {failed} failed" if failed else f"{len(outcomes)} tests, all in order"


def as_junit(outcomes: Sequence[Outcome], file: Path) -> bytes:
    """JUnit's XML, as most build servers read it."""
    failed = sum(bool(one.failures) for one in outcomes)
    seconds = sum(one.real_s for one in outcomes)
    suite = ET.Element(
        "testsuite",
        name=_xml(str(file)),
        tests=str(len(outcomes)),
        failures=str(failed),
        errors="0",
        time=f"{seconds:.3f}",
    )
    for one in outcomes:
        case = ET.SubElement(
            suite,
            "testcase",
            name=_xml(one.name),
            classname=_xml(file.stem),
            file=_xml(str(file)),
            line=str(one.line),
            time=f"{one.real_s:.3f}",
        )
        for failure in one.failures:
            words = f"line {failure.line}, {failure.when}: expected {failure.expected}; found {failure.found}"
            ET.SubElement(case, "failure", message=_xml(words)).text = _xml(words)
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    text: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _xml(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return _NO_XML.sub("\ufffd", text)
