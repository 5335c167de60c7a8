"""The simulated year (`python -m benchmarks sla_year`) in short: nine days of a few cameras, and its own references."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from benchmarks import sla_year
from benchmarks._year_plan import Model
from benchmarks._year_reference import COUNTS, S, facts_of, painted, walked
from slow_model import walk

from citywatch.domain.service import STANDINGS, ServiceFact, ServiceState
from citywatch.sla.contracts import Contract
from citywatch.sla.history import History


def test_nine_days_from_looks_to_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sla_year, "WALKED", 2)
    monkeypatch.setattr(sla_year, "TICK_S", 1800)
    monkeypatch.setattr(sla_year, "KEPT_DAYS", 3)
    model = Model(cameras=9, switches=2, days=9, seed=5, fault_days=1.5, dark_days=3, repair_h=6, missed=0.5,
                  added_late=0.3, removed=0.3)  # fmt: skip
    year = sla_year.lived(model, tmp_path, months=3, month_days=3)
    assert year.differences == []
    assert sum(month.walked for month in year.months) > 3
    for kind in ("fault_confirmed", "incident_opened", "incident_closed", "ticket_closed", "camera_removed"):
        assert year.kinds[kind], kind
    total = {name: sum(month.seconds[name] for month in year.months) for name in year.months[0].seconds}
    assert all(total[f"worst {name}"] for name in ("up", "down", "excluded", "retired"))
    assert total["worst down"] >= total["best down"]
    held = [month.held for month in year.months]
    assert all(month["log entries behind the archive"] == month["events behind the projection"] == 0 for month in held)
    assert max(month["largest row of state (B)"] for month in held) < 6_000
    assert held[2]["rows of state"] <= 1.5 * held[0]["rows of state"]
    # What is older than three days, and over, is gone.
    assert held[2]["rows of events"] < sum(year.kinds.values()) / 2


@pytest.mark.parametrize("seed", range(6))
def test_the_references_of_the_year_equal_the_slow_model(seed: int) -> None:
    rng = np.random.default_rng(seed)
    facts = []
    for number in range(8):
        begin, worst, end, best = sorted(rng.integers(0, 400, 4).tolist())
        standing = STANDINGS[rng.integers(len(STANDINGS))]
        state = list(ServiceState)[rng.integers(len(ServiceState))]
        facts.append(
            ServiceFact("cam", state, begin * S, worst * S, end * S, best * S, known_ns=number * S, standing=standing)
        )
    contract = Contract.model_validate(
        {"name": "c", "time_zone": "UTC", "devices": {}, "intact": {"target_percent": 95}}
    )
    known = 350 * S
    for worst in (True, False):
        (mine,) = facts_of(History.of_facts(facts), known, worst=worst)
        slow = walk(facts, contract, 0, 380 * S, worst=worst, known_at=10**18, known_until=known)
        assert dict(zip(COUNTS, walked(mine, 0, 380 * S), strict=True)) == slow
        assert dict(zip(COUNTS, painted(mine, 0, 380 * S, np.empty(380, np.uint8)), strict=True)) == slow
