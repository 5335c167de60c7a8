"""The entry point: errors become one clear sentence and an exit code."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    from citywatch.cli import app  # noqa: PLC0415  (kept out of the import of this module)
    from citywatch.errors import CitywatchError  # noqa: PLC0415

    try:
        app()
    except CitywatchError as error:
        print(f"citywatch: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except OSError as error:
        # What our own words did not foresee: a directory that is a file, no memory, no handles. Not a mistake of ours.
        where = f"{error.filename}: " if error.filename else ""
        print(f"citywatch: {where}{error.strerror or error}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
