"""Reports that were made by the schedule: `reports/CONTRACT/PERIOD/report.FORMAT` of the data directory.

A folder appears whole, with all its formats and `about.json`, or not at all; it is never changed afterwards. The oldest
of a contract give way when there are too many.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from citywatch.adapters.store.disk import WholeFile, disk_words, sync_directory
from citywatch.ports import Row

FOLDER = Path("reports")
_CONTRACT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_PERIOD = re.compile(r"\d{4}-\d{2}")
_FORM = re.compile(r"[a-z]{1,10}")


class KeptReports:
    """Those of one data directory."""

    def __init__(self, root: Path) -> None:
        self._root = root / FOLDER

    def rows(self) -> list[Row]:
        """What is known of each, newest period first, then by contract."""
        found: list[Row] = []
        for about in self._root.glob("*/*/about.json"):
            if _CONTRACT.fullmatch(about.parent.parent.name) and _PERIOD.fullmatch(about.parent.name):
                found.append(json.loads(about.read_text(encoding="utf-8")))
        found.sort(key=lambda row: str(row["contract"]))
        return sorted(found, key=lambda row: str(row["period"]), reverse=True)

    def periods(self, contract: str) -> frozenset[str]:
        """The periods that a contract has a report of."""
        names = (about.parent.name for about in (self._root / contract).glob("*/about.json"))
        return frozenset(name for name in names if _PERIOD.fullmatch(name))

    def content(self, contract: str, period: str, form: str) -> bytes | None:
        """One file; None for what is not there, or cannot be."""
        if not (_CONTRACT.fullmatch(contract) and _PERIOD.fullmatch(period) and _FORM.fullmatch(form)):
            return None
        try:
            return (self._root / contract / period / f"report.{form}").read_bytes()
        except FileNotFoundError:
            return None

    def put(self, contract: str, period: str, files: Mapping[str, bytes], about: Mapping[str, Any]) -> None:
        """Keep a report, on disk when this returns. OutsideError when the disk fails."""
        final = self._root / contract / period
        unfinished = final.with_name(f".{period}")
        with disk_words(self._root):
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            sizes = {form: len(content) for form, content in files.items()}
            told = {"contract": contract, "period": period, **about, "bytes": sizes}
            written = {f"report.{form}": content for form, content in files.items()}
            written["about.json"] = json.dumps(told, ensure_ascii=False, indent=1).encode()
            for name, content in written.items():
                with WholeFile(unfinished / name, "report") as file:
                    file.file.write(content)
                    file.commit()
            unfinished.rename(final)
            sync_directory(final.parent)

    def forget(self, contract: str, most: int) -> Sequence[str]:
        """Keep the newest `most` of a contract; returns the periods that went."""
        old = sorted(self.periods(contract), reverse=True)[most:]
        for period in old:
            shutil.rmtree(self._root / contract / period, ignore_errors=True)
        return old
