"""The calculators: known answers, bounds of tolerances, classes, tables with mistakes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citywatch.acceptance import cost323, tolerances
from citywatch.acceptance.runs import Run, Sample, errors_of, read_runs, sample_of
from citywatch.acceptance.standards import COST323_CRITERIA, Criterion, standards
from citywatch.errors import DataError

GROSS, GROUP, SINGLE, OF_GROUP = COST323_CRITERIA
KNOWN = {
    GROSS: Sample(86, -2.27, 6.09),
    GROUP: Sample(66, 1.00, 8.44),
    SINGLE: Sample(197, -3.92, 7.66),
    OF_GROUP: Sample(169, -0.19, 10.07),
}


def test_the_known_answer_of_cost_323_to_its_printed_digits() -> None:
    found = cost323.assess(KNOWN, repeatability="full_reproducibility", environment="I")
    assert [f"{x.min_confidence:.3f}" for x in found.criteria] == ["92.584", "92.060", "93.704", "93.542"]
    assert [f"{x.min_tolerance:.3f}" for x in found.criteria] == ["13.029", "17.218", "17.091", "20.266"]
    assert [f"{x.achieved:.3f}" for x in found.criteria] == ["96.276", "93.461", "97.260", "97.902"]
    assert found.class_name == "C(15)"
    assert {x.class_name for x in found.criteria} == {"C(15)"}


def test_the_worst_criterion_gives_the_class_of_the_site() -> None:
    samples = {GROSS: Sample(86, 0.0, 1.5), SINGLE: Sample(197, -3.92, 7.66)}
    found = cost323.assess(samples, repeatability="full_reproducibility", environment="I")
    assert [x.class_name for x in found.criteria] == ["A(5)", "C(15)"]
    assert found.class_name == "C(15)"


def test_initial_verification_is_stricter() -> None:
    sample = {GROSS: KNOWN[GROSS]}
    found = cost323.assess(sample, repeatability="full_reproducibility", environment="I", initial=True)
    assert found.class_name == "D+(20)"
    assert found.criteria[0].tolerance == pytest.approx(16.0)
    assert found.criteria[0].class_value == pytest.approx(13.0294 / 0.8, abs=1e-3)


def test_a_site_may_keep_no_class() -> None:
    found = cost323.assess({GROSS: Sample(86, 0.0, 30.0)}, repeatability="full_reproducibility", environment="I")
    assert (found.class_name, found.criteria[0].achieved, found.criteria[0].tolerance) == ("none", None, None)
    assert found.criteria[0].class_value > 25


@pytest.mark.parametrize("criterion", COST323_CRITERIA)
def test_named_classes_lie_on_the_formulas_between_them(criterion: Criterion) -> None:
    """The printed tolerances are the formulas' values, rounded to whole per cent."""
    for named in standards()["cost323"].classes:
        assert named.tolerances[criterion] == pytest.approx(
            cost323.tolerance_of(criterion, named.tolerances["gross"]), abs=0.51
        )


@settings(max_examples=40)
@given(st.sampled_from(COST323_CRITERIA), st.floats(1, 60))
def test_class_value_inverts_the_tolerance(criterion: Criterion, value: float) -> None:
    tolerance = cost323.tolerance_of(criterion, value)
    assert cost323.tolerance_of(criterion, cost323.class_value(criterion, tolerance)) >= tolerance
    assert cost323.class_value(criterion, tolerance) <= value + 1e-9


@settings(max_examples=30)
@given(st.integers(5, 500), st.floats(-10, 10), st.floats(0.5, 12))
def test_the_smallest_tolerance_just_reaches_the_confidence(n: int, mean: float, sd: float) -> None:
    sample = Sample(n, mean, sd)
    confidence = cost323.min_confidence(n, "full_reproducibility", "I")
    if confidence > 1.0:
        smallest = cost323.min_tolerance(sample, confidence)
        assert cost323.achieved(sample, smallest) >= confidence
        assert cost323.achieved(sample, 0.999 * smallest) < confidence


def test_too_few_runs_prove_nothing() -> None:
    with pytest.raises(ValueError, match="too few"):
        cost323.assess({GROSS: Sample(2, 0.0, 1.0)}, repeatability="full_reproducibility", environment="III")


@pytest.mark.parametrize("samples", [{}, {Criterion.WHEEL: Sample(9, 0.0, 1.0)}])
def test_cost_323_wants_its_own_criteria(samples: dict[Criterion, Sample]) -> None:
    with pytest.raises(ValueError, match="COST 323 wants"):
        cost323.assess(samples, repeatability="full_reproducibility", environment="I")


@pytest.mark.parametrize("figures", [(1, 0.0, 1.0), (9, float("nan"), 1.0), (9, 0.0, 0.0), (9, 0.0, float("inf"))])
def test_a_sample_is_checked(figures: tuple[int, float, float]) -> None:
    with pytest.raises(ValueError, match=r"wanted|standard deviation"):
        Sample(*figures)


def test_e1318_wants_95_of_100() -> None:
    inside = {Criterion.GROSS: [10.0] * 19 + [10.1]}
    assert tolerances.e1318(inside).class_name == "I"
    assert tolerances.e1318({Criterion.GROSS: [10.0] * 18 + [10.1] * 2}).class_name == "II"
    assert tolerances.e1318({Criterion.GROSS: [-6.0] * 20}).class_name == "III"
    assert tolerances.e1318({Criterion.GROSS: [16.0] * 20}).class_name == "none"


def test_e1318_judges_speed_and_spacing_with_the_weights() -> None:
    good = {Criterion.GROSS: [1.0] * 20, Criterion.SPEED: [2.0] * 20, Criterion.SPACING: [-150.0] * 20}
    assert tolerances.e1318(good).class_name == "III"
    assert tolerances.e1318({**good, Criterion.SPEED: [2.01] * 20}).class_name == "none"
    assert tolerances.e1318({Criterion.SPEED: [0.0] * 20}).class_name == "none"


def test_r134_counts_every_error() -> None:
    errors = {Criterion.GROSS: [0.5] * 99 + [-2.4], Criterion.SPEED: [1.0]}
    assert tolerances.r134(errors, initial=True).class_name == "5"
    assert tolerances.r134({Criterion.GROSS: [*errors[Criterion.GROSS], 2.6]}, initial=True).class_name == "10"
    assert tolerances.r134({Criterion.GROSS: [*errors[Criterion.GROSS], 2.6]}, initial=False).class_name == "5"
    assert tolerances.r134(errors, initial=True).not_judged == (Criterion.SPEED,)
    assert tolerances.r134({Criterion.SPEED: [1.0]}, initial=True).class_name == "none"


def test_every_tolerance_not_compared_with_print_is_named() -> None:
    for standard in standards().values():
        assert standard.citation
        for named in standard.classes:
            assert set(named.check) <= set(named.tolerances)


def test_a_table_is_read() -> None:
    text = "\ufeffvehicle,run,criterion,reference,measured\nA,1,gross,40000,41000\n\nA,1,speed,80,79\n"
    assert read_runs(text, "x.csv") == [Run("1", GROSS, 40000, 41000), Run("1", Criterion.SPEED, 80, 79)]
    assert errors_of(read_runs(text, "x.csv")) == {GROSS: [2.5], Criterion.SPEED: [-1.0]}


def test_every_mistake_of_a_table_is_told_with_its_line() -> None:
    rows = [
        "run,criterion,reference,measured",
        "1,gros,40000,1",
        "2,gross,0,1",
        "3,gross,5,x",
        "4,gross,5,-1",
        "5,gross",
    ]
    with pytest.raises(DataError) as told:
        read_runs("\n".join(rows), "x.csv")
    lines = str(told.value).splitlines()
    assert [line.split(":")[0] for line in lines] == [f"x.csv, line {n}" for n in (2, 3, 4, 5, 6, 6)]
    assert "criterion: 'gros'" in lines[0]


@pytest.mark.parametrize("text", ["", "run,criterion,reference\n", "run,criterion,reference,measured\n"])
def test_a_table_without_runs_is_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"x\.csv"):
        read_runs(text, "x.csv")


def test_many_mistakes_are_cut() -> None:
    text = "run,criterion,reference,measured\n" + "1,x,1,1\n" * 50
    with pytest.raises(DataError, match="and 30 more"):
        read_runs(text, "x.csv")


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=50).filter(lambda xs: max(xs) - min(xs) > 0.01))
def test_a_sample_has_the_textbook_moments(errors: list[float]) -> None:
    sample = sample_of(errors)
    mean = sum(errors) / len(errors)
    assert sample.mean == pytest.approx(mean, abs=1e-9)
    assert sample.sd**2 == pytest.approx(sum((x - mean) ** 2 for x in errors) / (len(errors) - 1), rel=1e-9)
