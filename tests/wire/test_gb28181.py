"""Bodies of GB/T 28181: read in every encoding, refused when hostile, written as the form wants."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citywatch.domain.instants import parse_instant
from citywatch.wire import gb28181
from citywatch.wire.gb28181 import (
    Alarm,
    Catalogue,
    DeviceInfo,
    DeviceStatus,
    Form,
    Keepalive,
    MalformedBody,
    Other,
    check_code,
    kind_of_code,
    parse_body,
    read_time,
    write_time,
)

ZONE = ZoneInfo("Asia/Shanghai")
DEVICE = "34020000001320000001"
CATALOGUE = (
    "<Response><CmdType>Catalog</CmdType><SN>17</SN><DeviceID>34020000001180000001</DeviceID><SumNum>3</SumNum>"
    '<DeviceList Num="1"><Item><DeviceID>34020000001310000001</DeviceID><Name>{}</Name><ParentID>34020000001180000001'
    "</ParentID><Address>G319</Address><Status>on</Status><Event>ON</Event></Item></DeviceList></Response>"
)


def read(text):
    return parse_body(text if isinstance(text, bytes) else text.encode(), zone=ZONE)


@pytest.mark.parametrize(
    ("declared", "used"),
    [
        ("GB2312", "gb2312"),
        ("gb18030", "gb18030"),
        ("GBK", "gbk"),
        ("UTF-8", "utf-8"),
        ("utf-8", "gb18030"),
        (None, "utf-8"),
        (None, "gb18030"),
    ],
)
def test_names_are_read_in_every_encoding(declared, used):
    head = f'<?xml version="1.0" encoding="{declared}"?>\r\n' if declared else ""
    (item,) = read((head + CATALOGUE.format("北门摄像机")).encode(used)).items
    assert (item.name, item.parent, item.is_on, item.event) == ("北门摄像机", "34020000001180000001", True, "ON")


def test_a_catalogue_part():
    part = read(CATALOGUE.format("x"))
    assert isinstance(part, Catalogue)
    assert (part.sn, part.total, part.is_answer, len(part.items)) == (17, 3, True, 1)
    assert not read(CATALOGUE.format("x").replace("Response", "Notify")).is_answer


def test_keepalives():
    faulty = "<Info><DeviceID>34020000001310000001</DeviceID><DeviceID>no code</DeviceID></Info>"
    text = f"<Notify><CmdType>Keepalive</CmdType><SN>4</SN><DeviceID>{DEVICE}</DeviceID><Status>%s</Status>%s</Notify>"
    assert read(text % ("OK", "")) == Keepalive(4, DEVICE, True, ())
    assert read(text % ("ERROR", faulty)) == Keepalive(4, DEVICE, False, ("34020000001310000001",))
    assert read((text % ("OK", "")).replace("CmdType", "cmdType").replace("SN", "sn")).sn == 4, "case of names"


@pytest.mark.parametrize("place", ["<Info><AlarmType>13</AlarmType></Info>", "<AlarmType>13</AlarmType>"])
def test_alarms(place):
    alarm = read(
        f"<Notify><CmdType>Alarm</CmdType><SN>077</SN><DeviceID>{DEVICE}</DeviceID><AlarmPriority>2</AlarmPriority>"
        f"<AlarmMethod>5</AlarmMethod><AlarmTime>2026-05-04T11:00:00</AlarmTime>{place}</Notify>"
    )
    assert isinstance(alarm, Alarm)
    assert (alarm.sn, alarm.sn_text, alarm.priority, alarm.method, alarm.kind) == (77, "077", 2, 5, 13)
    assert alarm.said_ns == parse_instant("2026-05-04T03:00:00Z")


def test_information_and_status():
    info = read(
        f"<Response><CmdType>DeviceInfo</CmdType><SN>1</SN><DeviceID>{DEVICE}</DeviceID><DeviceName>Gate</DeviceName>"
        "<Manufacturer>M</Manufacturer><Model>X</Model><Channel>4</Channel></Response>"
    )
    assert info == DeviceInfo(1, DEVICE, "Gate", "M", "X", "", 4)
    status = read(
        f"<Response><CmdType>DeviceStatus</CmdType><SN>2</SN><DeviceID>{DEVICE}</DeviceID><Result>OK</Result>"
        "<Online>ONLINE</Online><Status>ERROR</Status></Response>"
    )
    assert status == DeviceStatus(2, DEVICE, True, False)
    assert read(f"<Notify><CmdType>MediaStatus</CmdType><DeviceID>{DEVICE}</DeviceID></Notify>") == Other(
        "notify", "mediastatus", DEVICE
    )


ENTITY = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "y">]><Notify><CmdType>&x;</CmdType></Notify>'


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "xml"),
        (b"no xml", "xml"),
        (ENTITY, "xml"),
        ("<Notify>" * 100 + "</Notify>" * 100, "xml"),
        (b"<Notify>\xff\xff\xff</Notify>", "charset"),
        ("<html/>", "root"),
        ("<Notify><CmdType>Keepalive</CmdType></Notify>", "device"),
        ("<Notify><CmdType>Alarm</CmdType><DeviceID>1 or 1</DeviceID></Notify>", "device"),
        (b"<a>" + b" " * 300_000, "too_large"),
        (
            "<Response><CmdType>Catalog</CmdType><DeviceID>1</DeviceID><DeviceList>"
            + "<Item/>" * 2001
            + "</DeviceList></Response>",
            "too_many",
        ),
    ],
)
def test_hostile_bodies_are_refused_with_a_word(content, reason):
    with pytest.raises(MalformedBody) as caught:
        read(content)
    assert caught.value.reason == reason


PIECES = [b"<Notify>", b"</Notify>", b"<CmdType>Catalog</CmdType>", b"<SN>", b"</SN>", b"<DeviceID>1</DeviceID>", b"&"]


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=20), max_size=10).map(b"".join))
def test_any_bytes_are_a_body_or_an_error(content):
    try:
        reason = type(read(content)).__name__
    except MalformedBody as error:
        reason = error.reason
    assert reason in {"Catalogue", "Other", "xml", "charset", "root", "device", "too_large", "too_many"}


def test_what_we_ask_can_be_read():
    for body in (
        gb28181.catalogue_query(5, DEVICE, Form.GB2016),
        gb28181.device_info_query(5, DEVICE, Form.GB2016),
        gb28181.device_status_query(5, DEVICE, Form.GB2022),
        gb28181.alarm_subscription(5, DEVICE, Form.GB2022),
    ):
        assert isinstance(read(body), Other)
        assert b"<SN>5</SN>" in body
    assert b'encoding="GB2312"' in gb28181.catalogue_query(5, DEVICE, Form.GB2016)
    assert b'encoding="GB18030"' in gb28181.catalogue_query(5, DEVICE, Form.GB2022)
    assert b"<SN>&lt;1</SN>" in gb28181.alarm_response("<1", DEVICE, Form.GB2016)


@pytest.mark.parametrize(
    ("header", "form"),
    [(None, Form.GB2016), ("1.0", Form.GB2016), ("2.0", Form.GB2016), (" 3.0 ", Form.GB2022), ("x", Form.GB2016)],
)
def test_who_speaks_which_form(header, form):
    assert Form.of_header(header) is form


def test_codes_and_times():
    assert check_code(DEVICE) == DEVICE
    assert kind_of_code(DEVICE) == 132
    for wrong in ("", DEVICE[:-1], DEVICE + "1", DEVICE[:-1] + "x", DEVICE[:-1] + "٣"):
        with pytest.raises(ValueError, match="20 digits"):
            check_code(wrong)
    at_ns = parse_instant("2026-05-04T03:00:00.250Z")
    assert write_time(at_ns, ZONE) == "2026-05-04T11:00:00.250"
    assert read_time("2026-05-04T11:00:00.250", ZONE) == at_ns
    assert read_time("2026-05-04T03:00:00.250Z", ZONE) == at_ns
    for wrong in ("", "now", "0000-00-00T00:00:00", "1969-01-01T00:00:00"):
        assert read_time(wrong, ZONE) == -1
