"""`citywatch check-rules`."""

from __future__ import annotations

import json
from pathlib import Path

from citywatch.app.kernels import use_cache, warm_imported


def check_rules(file: Path, *, config: Path | None, as_json: bool, junit: Path | None) -> int:
    """Run the tests of a file and tell what became of them; the exit code."""
    use_cache()
    from citywatch.app.checks import run, told  # noqa: PLC0415

    warm_imported()
    outcomes = run.check_file(file, config)
    if junit is not None:
        from citywatch.adapters.store.disk import WholeFile  # noqa: PLC0415

        with WholeFile(junit, "JUnit report") as target:
            target.file.write(told.as_junit(outcomes, file))
            target.commit()
    if as_json:
        print(json.dumps(run.as_json(outcomes, file), indent=1, ensure_ascii=False))
    else:
        print("\n".join(told.as_text(outcomes, file)))
    return 1 if any(outcome.failures for outcome in outcomes) else 0
