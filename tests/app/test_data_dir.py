"""The data directory: whatever is wrong with it is one sentence, never a traceback."""

from __future__ import annotations

import pytest

from citywatch.app.data_dir import DataDir
from citywatch.app.tokens import make_token
from citywatch.errors import ConfigurationError, DataDirError


@pytest.mark.parametrize(
    "label", ["", "{", "[]", "null", "{}", '{"format": "x"}', '{"format": null}', '{"format": true}', '{"format": 0}']
)
def test_a_damaged_label_is_said_to_be_one(tmp_path, label):
    (tmp_path / "citywatch.json").write_text(label)
    with pytest.raises(DataDirError, match="damaged"):
        DataDir.open(tmp_path)


def test_a_newer_format_is_refused(tmp_path):
    (tmp_path / "citywatch.json").write_text('{"format": 2}')
    with pytest.raises(DataDirError, match="has format 2"):
        DataDir.open(tmp_path)


def test_what_stands_in_the_way_is_named(tmp_path):
    directory = DataDir.open(tmp_path)
    (tmp_path / "lock-process").mkdir()
    with pytest.raises(ConfigurationError, match="lock-process: Is a directory"):
        directory.hold(["process"])
    (tmp_path / "demonstration.json").mkdir()
    with pytest.raises(ConfigurationError, match=r"demonstration\.json"):
        directory.demonstration_tokens()


@pytest.mark.parametrize("kept", ["", "[]", '{"ingest": "x"}'])
def test_damaged_tokens_of_the_demonstration_are_said_to_be(tmp_path, kept):
    directory = DataDir.open(tmp_path)
    (tmp_path / "demonstration.json").write_text(kept)
    with pytest.raises(DataDirError, match="damaged"):
        directory.demonstration_tokens()


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "\udcff", "a\nb", "a\0b"])
def test_a_token_has_a_name_that_the_audit_can_show(name):
    with pytest.raises(ConfigurationError, match="printable"):
        make_token(None, name, "viewer", None)
