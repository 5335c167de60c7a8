"""The same report for people and for machines: Chinese on paper, charts, the reasons, and columns that add up."""

import io
import json

import numpy as np
import pyarrow.parquet as pq
import pypdfium2 as pdfium
import pytest

from citywatch.adapters.reports.pdf import broken, pdf
from citywatch.adapters.reports.typefaces import runs
from citywatch.app.sla_files import MEDIA_TYPES, written
from citywatch.domain.documents import Column, Document, Heading, Ranking, Stack, Table, Text
from citywatch.sla.contracts import Listed
from citywatch.sla.document import document
from citywatch.sla.words import CHINESE, ENGLISH
from citywatch.wire.page_html import page

TITLE = "柳州市“天网”摄像机完好率考核"
PLACE = "垌塱 㙟江口"  # common, of the rest, and of extension A


@pytest.fixture(scope="module")
def report(kit):
    facts = [
        kit.fact("cam-1", "up", 0, 30),
        kit.fact("cam-1", "down", 30, 34, "镜头被遮挡"),
        kit.fact("cam-1", "up", 34),
        kit.fact("cam-1", "externally_disabled", 31, 32, "maintenance:擦拭 <镜头>", known=40),
        kit.fact("cam-2", "degraded", 0),
    ]
    terms = {"title": TITLE, "language": "zh", "time_zone": "Asia/Shanghai", "intact": {"degraded": "between"}}
    register = {"cam-1": Listed("cam-1", area=PLACE, contractor="甲公司"), "cam-2": Listed("cam-2", area="城中区")}
    return kit.report(facts, 0, 72, contract=kit.contract(**terms), register=register)


def texts(content):
    with pdfium.PdfDocument(content) as paper:
        return [paper[n].get_textpage().get_text_range() for n in range(len(paper))]


def test_chinese_on_paper(report):
    """The text can be taken out of the file again, and every character has left ink on the page."""
    content = written(report, "pdf")
    whole = "".join(texts(content))
    for words in (TITLE, PLACE, "镜头被遮挡", "maintenance:擦拭 <镜头>", "甲公司", "无法判定", "第 1 页", "免责时间"):
        assert words in whole, words
    assert b"/FontFile2" in content  # the faces come with the file
    assert written(report, "pdf") == content


def test_each_character_is_drawn():
    """A face that has no picture of a character would leave the same box for each of them."""
    seen = set()
    for character in "汉塱㙟常圳犇A9，":
        with pdfium.PdfDocument(pdf(Document("", "zh", (Text(character * 3),), ""))) as paper:
            ink = np.asarray(paper[0].render(scale=3).to_pil().convert("L")) < 128
        assert ink.sum() > 10, character
        seen.add(ink.tobytes())
    assert len(seen) == 9


def test_what_no_face_has_is_written_plainly():
    assert runs("℃") == [("Vera", "°C")]
    assert "".join(part for _, part in runs("①🚦\t\u200b")) == "1□ "
    assert [name for name, _ in runs("cam 汉塱")] == ["Vera", "droid-common", "droid-rest"]


def test_lines_are_broken_where_they_may():
    assert broken("one two three", 1e9, 9) == ["one two three"]
    assert broken("one two three", 40, 9) == ["one two", "three"]
    lines = broken("完好率考核，合同要求。" * 9, 100, 9)
    assert "".join(lines) == "完好率考核，合同要求。" * 9
    assert not any(line[0] in "，。" for line in lines)
    assert max(map(len, broken("x" * 500, 100, 9))) < 30
    assert broken("a b c d", 6, 9, most=2) == ["a", "…"]


def test_a_long_table_has_its_head_on_every_page():
    rows = [(f"cam-{n}", "x" * (n % 90)) for n in range(150)]
    found = texts(pdf(Document("t", "en", (Table((Column("which"), Column("what", True)), rows),))))
    assert len(found) > 3
    assert all("which" in text for text in found)
    assert sum(text.count("cam-") for text in found) == 150


def test_the_page_in_html_says_the_same(report):
    told = written(report, "html").decode()
    assert told.count("<svg") == 3  # by day, by cause, excluded
    assert 'lang="zh-Hans"' in told
    assert "擦拭 &lt;镜头&gt;" in told
    assert PLACE in told
    assert "://" not in told
    assert "<script" not in told


def test_the_chart_is_what_the_figures_are(report):
    (stack,) = [block for block in document(report).blocks if isinstance(block, Stack)]
    tally = report.window.figure().worst
    whole = sum(np.array(series.shares).sum() for series in stack.series)
    assert len(stack.bars) == 3
    assert whole == pytest.approx(3)
    assert sum(stack.series[0].shares) / 3 == pytest.approx(tally.up_ns / (2 * 72 * 3600e9))
    (causes, _) = [block for block in document(report).blocks if isinstance(block, Ranking)]
    assert [bar.text for bar in causes.bars] == ["72.00 h", "3.00 h"]


def test_both_languages_have_the_same_words(report):
    assert CHINESE.keys() == ENGLISH.keys()
    for key, text in ENGLISH.items():
        wanted = sorted(part.partition("}")[0] for part in text.split("{")[1:])
        assert sorted(part.partition("}")[0] for part in CHINESE[key].split("{")[1:]) == wanted, key
    headings = [block.text for block in document(report).blocks if isinstance(block, Heading)]
    assert "工单" in headings
    assert page(Document("<t>", "en", ())).count("&lt;t&gt;") == 2


def test_columns_add_up_to_the_figures(report):
    table = pq.read_table(io.BytesIO(written(report, "parquet")))
    figures = json.loads(table.schema.metadata[b"citywatch"])
    assert figures == {**report.figures_json(), "tickets": None}
    rows = table.to_pylist()
    told = report.as_json()
    worst = [row for row in rows if row["reading"] == "worst"]
    assert [(row["device"], row["state"], row["counts_as"], row["cause"], row["told_as"]) for row in worst] == [
        (row["device"], row["state"], row["counts_as"], row["cause"], row["told_as"]) for row in told["intervals"]
    ]
    for name in ("up", "down", "excluded"):
        sums = sum(row["required_ns"] for row in worst if row["counts_as"] == name)
        assert sums == figures[f"{name}_seconds"] * 10**9
    assert worst[0]["from"].isoformat() == "2026-03-02T00:00:00+00:00"
    assert worst[0]["known_at"] is None
    assert [row["known_at"].day for row in worst if row["state"] == "externally_disabled"] == [3]


def test_the_json_is_all_of_it(report, kit):
    assert json.loads(written(report, "json")) == report.as_json()
    exact = kit.report([kit.fact("a", "up", 0)], 0, 4)
    assert json.loads(written(exact, "json")) == exact.as_json()
    assert exact.as_json()["intervals_best"] is None


def test_every_format_is_written(report):
    for kind in MEDIA_TYPES:
        assert len(written(report, kind)) > 100, kind
