"""Fleets as tables: what is read, and every mistake with its line and column, at once."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citywatch.adapters.cameras.config import CameraSettings
from citywatch.adapters.cameras.fleet_file import COLUMNS, parse_fleet
from citywatch.domain.topology import IN_WORDS, PARENT_IS_CHILD, TOO_DEEP
from citywatch.errors import DescriptionRefused

CLASSES = ("standard", "gate")

WHOLE = """\
camera,url,class,kind,site,parent,name,place,username,password_file,visit_seconds,look,transport,onvif_url,presets,tls_verify
# the ring road
gate-1,rtsp://10.0.0.1/live,gate,,ring,sw-1,"North gate, outbound",Ring Road,watcher,secrets/gate-1,,key_frames,udp,http://10.0.0.1/onvif/device_service,north@06:00;south@18:00,

sw-1,tcp://10.0.0.250:443,,switch,ring,,,,,,120,,,,,
bridge,https://10.0.0.2/s.jpg,,,,,桥头,"ramp
two",,,,,,,,no
"""


def mistakes(text, **options):
    with pytest.raises(DescriptionRefused) as caught:
        parse_fleet(text if isinstance(text, bytes) else text.encode(), CLASSES, **options)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_every_column_is_read():
    gate, switch, bridge = parse_fleet(WHOLE.replace("\ntwo", " two").encode(), CLASSES, beside=Path("/etc/fleet"))
    assert gate == CameraSettings(
        camera="gate-1",
        url="rtsp://10.0.0.1/live",
        camera_class="gate",
        site="ring",
        parent="sw-1",
        name="North gate, outbound",
        place="Ring Road",
        username="watcher",
        password_file=Path("/etc/fleet/secrets/gate-1"),
        look="key_frames",
        transport="udp",
        onvif_url="http://10.0.0.1/onvif/device_service",
        presets=("north@06:00", "south@18:00"),
    )
    assert (switch.kind, switch.visit_seconds, switch.camera_class) == ("switch", 120.0, "standard")
    assert (bridge.name, bridge.place, bridge.tls_verify) == ("桥头", "ramp two", False)
    assert set(WHOLE.split("\n", 1)[0].split(",")) <= set(COLUMNS)


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_what_spreadsheets_write(ends):
    text = "\ufeff" + ends.join(["Camera,URL,,", "a,/x.mp4,,", ",,,", 'b,"/y ""1"".mp4",,', ""])
    cameras = parse_fleet(text.encode())
    assert [(c.camera, c.url.get_secret_value()) for c in cameras] == [("a", "/x.mp4"), ("b", '/y "1".mp4')]


def test_all_mistakes_are_told_at_once_with_line_and_column():
    text = (
        "url,camera,class,visit_seconds,presets,name,transport,parent\n"
        "rtsp://admin:hunter2@h/x?pw=S3CR3T,a,gates,0,,,,\n"
        "# fine\n"
        "ftp://u:hunter2@h/x,b c,,soon,?,,sctp,b c\n"
        ",d,,,,,,d\n"
        '/x,e,,,,"two\nlines",,\n'
        "/x,e,,,,,,,more\n"
        "/x,e\n"
        "/y,f,,,,,,f\n"
    )
    told = mistakes(text)
    assert told == [
        "line 2, column 3: class: no class of the patrol; known: gate, standard",
        "line 2, column 4: visit_seconds: Input should be greater than 0",
        "line 4, column 2: camera: device id 'b c': use 1 to 127 letters, digits and . _ : / - "
        "and begin with a letter or digit",
        "line 4, column 1: url: ftp://***@h/x: ftp:// is not supported; "
        "use rtsp://, http://, https://, onvif://, tcp:// or a file",
        "line 4, column 7: transport: Input should be 'tcp' or 'udp'",
        "line 4, column 4: visit_seconds: Input should be a valid number, unable to parse string as a number",
        "line 4, column 8: parent: device id 'b c': use 1 to 127 letters, digits and . _ : / - "
        "and begin with a letter or digit",
        "line 4, column 5: presets: preset '?': a name is wanted, or name@HH:MM, or name@HH:MM+08:00",
        "line 5, column 1: url: is missing",
        "line 6, column 6: name: plain text without control characters is wanted",
        "line 8, column 9: a value beyond the last column",
        "line 8, column 2: camera: this camera stands in line 6 already",
        "line 9, column 2: camera: this camera stands in line 6 already",
        "line 10: camera f: it cannot be its own parent",
    ]
    assert "hunter2" not in str(told)
    assert "S3CR3T" not in str(told)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: a header is wanted"),
        ("# nothing\n\n", "line 1: a header is wanted"),
        ("camera\na\n", "line 1: url: this column is missing"),
        ("camera,url,color\na,/x,red\n", f"line 1, column 3: color: unknown column; known: {', '.join(COLUMNS)}"),
        ("camera,url,URL\na,/x,/y\n", "line 1, column 3: url: this column stands twice"),
        ("camera,url,,name\na,/x,,b\n", "line 1, column 3: unknown column"),
        ('camera,url\na,"/x\n', "line 2: cannot be read as CSV: unexpected end of data"),
        ('camera,url\na,/x\nb,"/x" y\n', "line 3: cannot be read as CSV"),
        ("camera,url\na," + "x" * 200_000, "line 2: cannot be read as CSV: field larger than field limit"),
        (b"camera,url\na,/x\n\xff\xfe\n", "line 3: is not UTF-8 text; save it as CSV in UTF-8"),
    ],
)
def test_a_table_that_is_none(text, words):
    assert mistakes(text)[0].startswith(words)


def test_a_header_alone_is_an_empty_fleet():
    assert list(parse_fleet(b"camera,url\n")) == []


def test_ten_thousand_cameras():
    text = "camera,url,site\n" + "".join(
        f"c{n},rtsp://10.0.{n // 250}.{n % 250}/live,s{n // 50}\n" for n in range(10_000)
    )
    assert len(parse_fleet(text.encode())) == 10_000


@given(st.binary(max_size=300))
def test_any_bytes_are_cameras_or_mistakes(content):
    with contextlib.suppress(DescriptionRefused):
        assert isinstance(parse_fleet(b"camera,url,name\n" + content), list)


def test_what_cannot_hang_together_is_told_with_its_line():
    ring = ["camera,parent,url", "a,b,rtsp://h/1", "b,c,rtsp://h/1", "c,a,rtsp://h/1", "d,switch,rtsp://h/1"]
    told = mistakes("\n".join(ring))
    assert told == [f"line {line}, column 2: parent: {IN_WORDS[PARENT_IS_CHILD]}" for line in (2, 3, 4)]
    deep = ["camera,parent,url", *(f"n{level},n{level - 1},rtsp://h/1" for level in range(1, 9))]
    assert mistakes("\n".join(deep)) == [f"line 9, column 2: parent: {IN_WORDS[TOO_DEEP]}"]
    assert parse_fleet("\n".join(deep[:-1]).encode())


@pytest.mark.parametrize(("mark", "said"), [(";", ";"), ("\t", "a tab")])
def test_another_separator_is_named(mark, said):
    first = mistakes(f"camera{mark}url\nx{mark}rtsp://h/1\n")[0]
    assert first.startswith(f"line 1, column 1: the columns are separated by {said};")
