"""The contracts whose clocks tickets have, as the settings name them."""

from __future__ import annotations

from pathlib import Path

from citywatch.errors import ConfigurationError
from citywatch.settings import Settings
from citywatch.sla.contracts import Contract, Listed
from citywatch.tickets.clocks import Contracts


def check_contract_files(settings: Settings, beside: Path) -> None:
    """ConfigurationError for contracts that are named as files and are wrong. Those of a data directory are left."""
    files = tuple(name for name in settings.contracts if _is_file(name))
    read_contracts(settings.model_copy(update={"contracts": files}), beside, beside)


def read_contracts(settings: Settings, root: Path, beside: Path | None) -> Contracts:
    """`root` is the data directory, where contracts lie by their names; `beside` the directory of the configuration
    file, from where files are seen (None for the current one). ConfigurationError lists the mistakes of the first file
    that has any.
    """
    if not settings.contracts:
        return Contracts()
    from citywatch.app.sla_sources import find_contract, read_register  # noqa: PLC0415  (reads Parquet, too)

    found: list[tuple[Contract, dict[str, Listed]]] = []
    for name in settings.contracts:
        contract, file = find_contract(root, str((beside or Path()) / name) if _is_file(name) else name)
        if contract.name in {known.name for known, _ in found}:
            raise ConfigurationError(f"contracts: {contract.name!r} is named twice; keep one")
        found.append((contract, read_register(contract, file)))
    return Contracts(found)


def _is_file(name: str) -> bool:
    return Path(name).suffix in (".yaml", ".yml")
