"""Contract files and registers: every mistake is told with its line; the examples load."""

from pathlib import Path

import pytest

from citywatch.app.sla_sources import NoSuchContract, find_contract, in_service, read_register
from citywatch.errors import ConfigurationError
from citywatch.sla.contracts import Contract, Listed, under
from citywatch.yaml_files import parse_model

ROOT = Path(__file__).resolve().parents[2]

GOOD = """\
name: north
time_zone: Asia/Shanghai
devices:
  areas: [north]
calendars:
  office:
    hours: ["08:30-12:00", "14:00-17:30"]
    holidays: CN
intact:
  target_percent: 95
  calendar: office
  penalties:
    - {below_percent: 95, deduct_percent: 2}
    - {below_percent: 90, deduct_percent: 10}
response:
  within: 24h
repair:
  within: 72h
  share_percent: 95
exclusions:
  - cause: parent
    only_if_others_answer: true
  - cause: maintenance
    declared_within: 3d
"""


def test_a_good_one_loads():
    contract = parse_model(GOOD, "north.yaml", Contract)
    assert contract.repair.within == 72 * 3600 * 10**9
    assert contract.calendars["office"].hours == ((30600, 43200), (50400, 63000))


@pytest.mark.parametrize(
    ("wrong", "right", "line", "words"),
    [
        ("name: north", "name: ../north", 1, "name"),
        ("Asia/Shanghai", "Asia/Shanghi", 2, "no known time zone"),
        ("areas: [north]", "area: [north]", 4, "unknown key; known here: areas, but, classes"),
        ("hours: [", "hour: [", 7, "known here: closed, days, holidays, hours"),
        ("14:00-17:30", "14:00-25:30", 7, "hours are wanted, such as"),
        ("holidays: CN", "holidays: XX", 8, "no holidays are known"),
        ("target_percent: 95", "target_percent: 101", 10, "less than or equal to 100"),
        ("target_percent: 95", "target: 95", 9, "intact.target_percent: this key is missing"),
        ("calendar: office", "calendar: offfice", 9, "none of 24x7, office"),
        ("below_percent: 90", "below_percent: 96", 12, "from the mildest to the hardest"),
        ("within: 24h", "within: 24", 16, "a time is wanted"),
        ("share_percent: 95", "share_percent: -1", 19, "greater than or equal to 0"),
        ("only_if_others_answer: true", "only_if_others_answer: perhaps", 22, "boolean"),
        ("declared_within: 3d", "declared_within: soon", 24, "a time is wanted"),
    ],
)
def test_a_mistake_is_told_with_its_line(wrong, right, line, words):
    assert GOOD.count(wrong) == 1
    with pytest.raises(ConfigurationError) as caught:
        parse_model(GOOD.replace(wrong, right), "north.yaml", Contract)
    assert f"north.yaml, line {line}: " in str(caught.value)
    assert words in str(caught.value)


def test_all_mistakes_together():
    text = GOOD.replace("24h", "soon").replace("target_percent: 95", "target_percent: 195").replace("CN", "XX")
    with pytest.raises(ConfigurationError) as caught:
        parse_model(text, "north.yaml", Contract)
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [
        f"configuration north.yaml, line {n}" for n in (8, 10, 16)
    ]


def test_the_examples_load(tmp_path):
    contract, file = find_contract(tmp_path, str(ROOT / "configs" / "contract-example.yaml"))
    assert contract.intact.penalties
    register = read_register(contract, file)
    assert under(contract, register, []) == ["cam-0001", "cam-0002"]
    assert find_contract(tmp_path, "reference")[0].intact.target_percent == 95


def test_a_contract_is_found_by_name(tmp_path):
    folder = tmp_path / "sla" / "contracts"
    folder.mkdir(parents=True)
    (folder / "north.yaml").write_text(GOOD)
    (folder / "south.yaml").write_text(GOOD)
    assert find_contract(tmp_path, "north")[0].name == "north"
    with pytest.raises(ConfigurationError, match="must have one name"):
        find_contract(tmp_path, "south")
    with pytest.raises(NoSuchContract, match="there are: north, reference, south"):
        find_contract(tmp_path, "nord")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,area\n", "line 1: columns are device"),
        ("device,area\na,x\na,y\n", "line 3: device 'a' stands twice"),
        ("device,from\na,yesterday\n", "line 2: from: 'yesterday' is no day"),
        ("device,area\n,x\n", "line 2: device: it is empty"),
    ],
)
def test_mistakes_of_a_register(tmp_path, text, words):
    (tmp_path / "devices.csv").write_text(text)
    contract = parse_model(GOOD + "register: devices.csv\n", "north.yaml", Contract)
    with pytest.raises(ConfigurationError, match=words):
        read_register(contract, tmp_path / "north.yaml")


def test_a_register_says_when_a_device_was_there(tmp_path):
    (tmp_path / "devices.csv").write_text("device,area,from,to\na,north,2026-01-10,2026-02-01\nb,south,,\n")
    contract = parse_model(GOOD + "register: devices.csv\n", "north.yaml", Contract)
    register = read_register(contract, tmp_path / "north.yaml")
    assert under(contract, register, ["a", "b", "c"]) == ["a"]
    before, after = in_service(register)
    assert before.worst_to_ns == 1_767_974_400 * 10**9  # 2026-01-10T00:00+08:00
    assert after.worst_from_ns == 1_769_875_200 * 10**9


def test_whom_a_contract_is_about():
    register = {
        "a": Listed("a", area="north", klass="gate"),
        "b": Listed("b", area="north", klass="street"),
        "c": Listed("c", area="south", klass="gate"),
    }
    whom = {"areas": ["n*"], "classes": ["gate", "street"], "but": ["b"]}
    contract = Contract.model_validate({"name": "c", "devices": whom, "intact": {"target_percent": 95}})
    assert under(contract, register, ["a", "x"]) == ["a"]
    everybody = Contract.model_validate({"name": "c", "intact": {"target_percent": 95}})
    assert under(everybody, register, ["x"]) == ["a", "b", "c", "x"]
