"""`python -m benchmarks.patrol [NAME...]`: some of the parts, printed as the whole benchmark prints them."""

from __future__ import annotations

import sys

from benchmarks.__main__ import row_line, table
from benchmarks.patrol import ALONE, PARTS, run


def main() -> int:
    wanted = sys.argv[1:] or list(PARTS)
    unknown = [name for name in wanted if name not in PARTS | ALONE]
    if unknown:
        print(f"no part is called {unknown[0]!r}; there are: {', '.join(PARTS | ALONE)}", file=sys.stderr)
        return 2
    rows = []
    for row in run(wanted):
        rows.append(row.as_json())
        print(row_line(rows[-1]), flush=True)
    print("\n" + table(rows))
    return 1 if any(row["goal"] is not None and row["met"] is not True for row in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())
