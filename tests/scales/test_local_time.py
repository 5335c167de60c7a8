from datetime import datetime, timedelta

import mon_twin as twin
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citywatch.errors import ConfigurationError
from citywatch.wire import local_time
from citywatch.wire.local_time import Fold, LocalTime

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001
# Zones whose clocks do odd things: half an hour, one minute past midnight, a whole day, a change of 44.5 minutes.
ZONES = (
    "UTC",
    "Asia/Shanghai",
    "Europe/Dublin",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Monrovia",
    "Asia/Kathmandu",
)
AROUND = [
    datetime(*when)  # noqa: DTZ001
    for when in (
        (2012, 3, 25, 1), (2012, 10, 28, 1), (2010, 11, 7, 0), (2010, 3, 14, 0), (2012, 4, 1, 1), (2012, 10, 7, 2),
        (2011, 12, 30, 12), (1972, 1, 7, 0), (1986, 1, 1, 0), (1991, 4, 14, 2),
    )
]  # fmt: skip
MOMENTS = st.one_of(
    st.integers(0, 230 * 365 * 86_400_000),
    st.tuples(st.sampled_from(AROUND), st.integers(-7_200_000, 7_200_000)).map(
        lambda m: (m[0] - EPOCH) // timedelta(milliseconds=1) + m[1]
    ),
)
WORDS = {local_time.MISSING: "local_time_missing", local_time.AMBIGUOUS: "local_time_ambiguous"}


@given(zone=st.sampled_from(ZONES), fold=st.sampled_from(list(Fold)), local_ms=st.lists(MOMENTS, max_size=30))
def test_columns_equal_one_at_a_time(zone, fold, local_ms):
    at_ns, status = LocalTime(zone, fold).to_utc(np.array(local_ms, np.int64))
    found = [WORDS.get(int(s), int(ns)) for ns, s in zip(at_ns, status, strict=True)]
    assert found == [twin.to_utc_ns(EPOCH + timedelta(milliseconds=ms), zone, fold.value) for ms in local_ms]


@pytest.mark.parametrize(
    ("zone", "shift_ms"),
    [("+08:00", 28_800_000), ("-0330", -12_600_000), ("+00:00", 0), ("UTC", 0), ("-23:59", -86_340_000)],
)
def test_fixed_offsets(zone, shift_ms):
    at_ns, status = LocalTime(zone).to_utc(np.array([0, 1_000], np.int64))
    assert at_ns.tolist() == [-shift_ms * 1_000_000, (1_000 - shift_ms) * 1_000_000]
    assert not status.any()


@pytest.mark.parametrize(
    "zone", ["", "Mars/Olympus", "Asia", "../etc/passwd", "/etc/passwd", "+24:00", "+8", "\0", "x" * 999]
)
def test_no_such_zone(zone):
    with pytest.raises(ConfigurationError, match="time zone"):
        LocalTime(zone)


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(local_time, "_CACHED_QUARTERS", 50)
    clock = LocalTime("Europe/Dublin")
    times = np.arange(0, 400 * 900_000, 900_000, dtype=np.int64)
    once = clock.to_utc(times)[0].tolist()
    assert len(clock._quarters) <= 50
    assert clock.to_utc(times)[0].tolist() == once
