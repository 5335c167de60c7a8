"""Named benchmark scenarios: `python -m benchmarks [SCENARIO...] --json FILE`. Never part of the test suite."""
