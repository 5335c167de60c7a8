"""What the supervisor tells each part on its standard input: never on a command line, where others could read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from citywatch.app.data_dir import DataDir
from citywatch.settings import Settings, parse_settings


@dataclass(frozen=True, slots=True)
class Briefing:
    """Everything a part needs to know; the configuration travels as the text that the supervisor has read."""

    data_dir: str
    log_url: str
    log_level: str
    port: int
    config_name: str = ""
    config_text: str = ""
    demonstration_port: int = 0
    tokens: Mapping[str, str] = field(default_factory=dict)

    def to_line(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_line(cls, line: str) -> Briefing:
        return cls(**json.loads(line))

    def settings(self) -> Settings:
        """The settings of the file, or those of the demonstration city."""
        settings = parse_settings(self.config_text, self.config_name) if self.config_name else Settings()
        if not self.demonstration_port:
            return settings
        from citywatch.demo.city import demonstration  # noqa: PLC0415  (only for a city that is made up)

        return demonstration(settings, self.demonstration_port)

    def place(self) -> Path:
        """The directory of the configuration file."""
        return Path(self.config_name).absolute().parent

    def beside_configuration(self, path: Path) -> Path:
        """A path of the configuration: one that is not absolute is seen from the place of the configuration file."""
        return self.place() / path

    def directory(self) -> DataDir:
        return DataDir(Path(self.data_dir))
