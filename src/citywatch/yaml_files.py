"""YAML files that people write, checked by a model: each mistake is told with its line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from citywatch.errors import ConfigurationError

_Model = TypeVar("_Model", bound=BaseModel)


def read_text(path: Path) -> str:
    """The text of a configuration file, or a ConfigurationError that says why not."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"configuration {path}: {error.strerror}; name a readable YAML file") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"configuration {path}: not UTF-8 text (byte {error.start})") from error


def parse_model(text: str, path: str, model: type[_Model]) -> _Model:
    """YAML text checked by a model; ConfigurationError lists every mistake with its line."""
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        _no_key_twice(tree)
        raw = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ConfigurationError(f"configuration {path}, line {line}: {error.problem or 'not YAML'}") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"configuration {path}: not YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise ConfigurationError(f"configuration {path}: nested too deeply; no section needs that") from error
    except ValueError as error:
        raise ConfigurationError(f"configuration {path}: a value cannot be read: {error}") from error
    if raw is None:
        raw = {}
    if not isinstance(raw, Mapping):
        raise ConfigurationError(f"configuration {path}: a mapping of sections is wanted, such as `cameras:`")
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        lines = [_mistake(path, tree, item, model) for item in error.errors(include_input=False, include_url=False)]
        raise ConfigurationError("\n".join(lines)) from error


def _no_key_twice(tree: yaml.Node | None) -> None:
    """MarkedYAMLError for a key that stands twice in one mapping: YAML itself would take the last one in silence."""
    waiting, looked_at = [tree], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in looked_at:
            continue
        looked_at.add(id(node))
        if isinstance(node, yaml.MappingNode):
            seen: set[object] = set()
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode):
                    if key.value in seen:
                        words = f"{key.value}: this key stands twice; keep one"
                        raise yaml.MarkedYAMLError(problem=words, problem_mark=key.start_mark)
                    seen.add(key.value)
                waiting.append(value)
        elif isinstance(node, yaml.SequenceNode):
            waiting.extend(node.value)


def _mistake(path: str, tree: Any, item: Any, model: type[BaseModel]) -> str:
    where = [part for part in item["loc"] if part != "function-after"]
    key = ".".join(str(part) for part in where)
    message = item["msg"]
    if item["type"] == "extra_forbidden":
        known = _known_keys(where[:-1], model)
        message = f"unknown key; known here: {', '.join(known)}" if known else "unknown key"
    elif item["type"] == "missing":
        message = "this key is missing; add it"
    return f"configuration {path}, line {line_of(tree, where)}: {key or 'file'}: {message}"


def line_of(node: Any, where: Sequence[Any]) -> int:
    """The 1-based line of the deepest part of `where` that stands in the file."""
    line = node.start_mark.line + 1 if node is not None else 1
    for part in where:
        following = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    line, following = key.start_mark.line + 1, value
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            following = node.value[part]
            line = following.start_mark.line + 1
        if following is None:
            break
        node = following
    return line


def _known_keys(where: Sequence[Any], model: Any) -> list[str]:
    for part in where:
        if part not in model.model_fields:  # a place in a list, or a name in a mapping
            continue
        annotation = model.model_fields[part].annotation
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        models = [item for item in candidates if isinstance(item, type) and issubclass(item, BaseModel)]
        if not models:
            return []
        model = models[0]
    return sorted(field.alias or name for name, field in model.model_fields.items())
