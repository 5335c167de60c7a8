"""Reads the Dockerfile without an engine: its instructions, and the build stage's files copied as it copies them.

`python .ci/dockerfile.py DIRECTORY` lays out in DIRECTORY exactly what the first stage has when it runs pip, so that
CI builds its wheel from that: a file that the Dockerfile forgets is a file that the wheel lacks.
"""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Step:
    """One instruction: its word, its text with continuation lines joined, and the number of its stage from 0."""

    word: str
    text: str
    stage: int

    def words(self) -> list[str]:
        """The arguments: of the JSON form as they stand, of the shell form split like a shell does."""
        return list(json.loads(self.text)) if self.text.startswith("[") else shlex.split(self.text)


def steps(path: Path = ROOT / "Dockerfile") -> list[Step]:
    lines = path.read_text().replace("\\\n", " ").splitlines()
    found: list[Step] = []
    stage = -1
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        word, _, text = line.strip().partition(" ")
        stage += word == "FROM"
        found.append(Step(word, " ".join(text.split()) if word != "HEALTHCHECK" else text.strip(), stage))
    return found


def copies(stage: int) -> list[tuple[list[str], str]]:
    """(sources in the repository, target) of a stage's COPY steps that take files from the build context."""
    pairs = [step.words() for step in steps() if step.word == "COPY" and step.stage == stage]
    return [(words[:-1], words[-1]) for words in pairs if not words[0].startswith("--from")]


def lay_out(directory: Path) -> None:
    """Copy into `directory`, the first stage's WORKDIR, what that stage copies."""
    for sources, target in copies(0):
        for source in sources:
            place = directory / target
            if (ROOT / source).is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
                shutil.copytree(ROOT / source, place, ignore=ignored, dirs_exist_ok=True)
            else:
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / source, place)


if __name__ == "__main__":
    lay_out(Path(sys.argv[1]))
