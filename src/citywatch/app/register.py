"""Who answers for which device: the settings' rules and the register file, as the domain wants them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from citywatch.domain.devices import check_device_id
from citywatch.domain.responsibility import Register, ResponsibilityRule, Responsible
from citywatch.errors import ConfigurationError
from citywatch.settings import Settings
from citywatch.yaml_files import read_text

COLUMNS = ("device", "area", "class", "department", "contractor", "team", "kind", "site", "parent", "from", "to")
"""Of any register: that of the city and those of contracts are tables of one kind. The city takes the first six."""
_MOST_CHARACTERS = 100
_MOST_MISTAKES = 100


def read_register(settings: Settings, beside: Path | None) -> Register:
    """The register of these settings; `beside` is the directory of the configuration file, None for the current one.

    ConfigurationError lists every mistake of the table with its line.
    """
    listed: Mapping[str, Responsible] = {}
    if settings.register_file is not None:
        listed = _listed((beside or Path()) / settings.register_file)
    rules = [
        ResponsibilityRule(rule.match, Responsible(rule.area, rule.department, rule.contractor, rule.klass, rule.team))
        for rule in settings.responsibility
    ]
    return Register(listed, rules)


def read_rows(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The rows of a table of devices with the numbers of their lines; cells are stripped, empty rows left out.

    ConfigurationError for a header that is not one.
    """
    table = csv.reader(read_text(path).lstrip("\ufeff").splitlines())
    header = [name.strip().lower() for name in next(table, [])]
    unknown = [name for name in header if name not in COLUMNS]
    if unknown or "device" not in header or len(set(header)) != len(header):
        raise ConfigurationError(
            f"{path}, line 1: columns are {', '.join(COLUMNS)}, each at most once, and device is wanted"
        )
    for cells in table:
        if any(cells):
            yield table.line_num, dict(zip(header, (cell.strip() for cell in cells), strict=False))


def _listed(path: Path) -> dict[str, Responsible]:
    found: dict[str, Responsible] = {}
    wrong: list[str] = []
    for line, row in read_rows(path):
        try:
            device = check_device_id(row.get("device", ""))
            if device in found:
                raise ValueError(f"device {device!r} stands twice")
            for name, text in row.items():
                if len(text) > _MOST_CHARACTERS and name != "device":
                    raise ValueError(f"{name}: longer than {_MOST_CHARACTERS} characters")
            texts = {name: row.get(name, "") for name in ("area", "department", "contractor", "team")}
            found[device] = Responsible(klass=row.get("class", ""), **texts)
        except ValueError as error:
            wrong.append(f"{path}, line {line}: {error}")
    if wrong:
        raise ConfigurationError("\n".join(wrong[:_MOST_MISTAKES]))
    return found
