"""The rules of the road, read off the syntax trees of the package itself."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import citywatch

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "citywatch"
MODULES = {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")}

TIMELESS_ROOMS = ("kernels", "rules", "alerts", "tickets", "sla", "laws", "domain", "wire")
TIMELESS_MODULES = ("flow/step.py", "demo/city.py")
CLOCKS = {
    *(f"time.{name}" for name in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")),
    *(f"time.{name}" for name in ("process_time", "process_time_ns", "localtime", "gmtime", "strftime", "sleep")),
    *(f"datetime.{name}" for name in ("now", "utcnow", "today")),
    *(f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")),
    *("date.today", "datetime.date.today", "asyncio.sleep"),
}
EVERYTHING = {"Exception", "BaseException"}
HEAVY = ("numpy", "numba", "cv2", "av", "fastapi", "pydantic", "sqlalchemy", "alembic", "pyarrow", "redis", "rich")


def dotted(node):
    """`a.b.c` of an attribute chain, or an empty string."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def real_names(tree):
    """What every imported name of a module stands for: `from time import time as t` -> {"t": "time.time"}."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def uses(tree):
    """(line, full dotted name) of every name used in a module, seen through its imports."""
    names = real_names(tree)
    for node in ast.walk(tree):
        text = dotted(node)
        if text:
            head, _, rest = text.partition(".")
            full = names.get(head, head)
            yield node.lineno, f"{full}.{rest}" if rest else full


def offences(forbidden, trees):
    return [f"{name}:{line}: {use}" for name, tree in trees.items() for line, use in uses(tree) if forbidden(use)]


def test_the_search_sees_through_imports():
    source = (
        "from datetime import datetime as d\nimport time as t\nfrom time import monotonic as m\nd.now(), t.time(), m()"
    )
    found = {use for _, use in uses(ast.parse(source))}
    assert {"datetime.datetime.now", "time.time", "time.monotonic"} <= found


def test_what_decides_reads_no_clock():
    trees = {
        name: tree for name, tree in MODULES.items() if name.split("/")[0] in TIMELESS_ROOMS or name in TIMELESS_MODULES
    }
    assert len(trees) > len(TIMELESS_ROOMS)
    assert offences(CLOCKS.__contains__, trees) == []


def test_only_jit_knows_numbas_flags():
    trees = {name: tree for name, tree in MODULES.items() if name != "kernels/_jit.py"}
    assert offences(lambda use: use.split(".")[0] == "numba", trees) == []
    kernels = [name for name in trees if name.startswith("kernels/") and name != "kernels/__init__.py"]
    assert kernels


def test_video_never_goes_through_opencv():
    assert offences(lambda use: use.startswith("cv2.VideoCapture"), MODULES) == []


def test_processes_are_spawned_never_forked():
    assert offences(lambda use: use in {"os.fork", "os.forkpty", "pty.fork"}, MODULES) == []
    for name, tree in MODULES.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            called = dotted(node.func).rsplit(".", 1)[-1]
            if called in {"get_context", "set_start_method"}:
                methods = [a.value for a in node.args if isinstance(a, ast.Constant)]
                assert methods == ["spawn"], f"{name}:{node.lineno}: {called} without 'spawn'"


def test_multiprocessing_is_only_entered_by_its_spawn_context():
    direct = {"multiprocessing.Process", "multiprocessing.Pool", "multiprocessing.Queue"}
    assert offences(direct.__contains__, MODULES) == []
    for name, tree in MODULES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and dotted(node.func).endswith("ProcessPoolExecutor"):
                assert any(k.arg == "mp_context" for k in node.keywords), f"{name}:{node.lineno}: no mp_context"


WIDE = {
    "adapters/notify/by_apprise.py": "what a plugin of Apprise raises is a failed attempt of its receiver",
    "flow/poison.py": "a row that raises becomes a dead letter with its reason (design.md, Poison)",
}
"""Where everything may be caught without raising it again, and why that is not swallowing."""


def _raises_again(handler):
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_nothing_is_swallowed():
    """No handler for everything, except one that cleans up and raises again, and the few in WIDE."""
    wide = []
    for name, tree in MODULES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler) and not _raises_again(node):
                kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
                wide += [(name, node.lineno) for kind in kinds if kind is None or dotted(kind) in EVERYTHING]
            elif isinstance(node, ast.Call) and dotted(node.func).rsplit(".", 1)[-1] == "suppress":
                wide += [(name, node.lineno) for kind in node.args if dotted(kind) in EVERYTHING]
    assert [f"{name}:{line}" for name, line in wide if name not in WIDE] == []
    assert {name for name, _ in wide} == set(WIDE), "WIDE names a module that catches everything no longer"


def test_every_module_says_what_it_is():
    bare = [name for name, tree in MODULES.items() if not ast.get_docstring(tree)]
    assert bare == []


def test_everything_public_in_the_shared_rooms_is_explained():
    """Classes and functions of domain, ports, rules, kernels and laws carry a docstring."""
    rooms = ("domain", "rules", "kernels", "laws")
    bare = [
        f"{name}:{node.lineno}: {node.name}"
        for name, tree in MODULES.items()
        if name.split("/")[0] in rooms or name == "ports.py"
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
        and not _is_enumeration(node)
    ]
    assert bare == []


def _is_enumeration(node):
    return isinstance(node, ast.ClassDef) and any(dotted(base).endswith("Enum") for base in node.bases)


def test_importing_does_no_work():
    """No call to open, connect, start or read at the top of a module: importing must be free of effects."""
    effects = {
        "open",
        "os.environ.setdefault",
        "os.makedirs",
        "os.mkdir",
        "subprocess.Popen",
        "subprocess.run",
        "print",
    }
    found = []
    for name, tree in MODULES.items():
        if name.endswith("__main__.py"):
            continue
        names = real_names(tree)
        for statement in tree.body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.If):
                continue
            for node in ast.walk(statement):
                if isinstance(node, ast.Call):
                    head, _, rest = dotted(node.func).partition(".")
                    full = f"{names.get(head, head)}.{rest}" if rest else names.get(head, head)
                    if full in effects or full.endswith((".read_text", ".read_bytes", ".connect")):
                        found.append(f"{name}:{node.lineno}: {full}")
    assert found == []


def test_no_test_sleeps():
    """A short pause between two looks at a condition is how polling is written; a pause by itself is a guess."""
    found = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        tree = ast.parse(path.read_text())
        names = real_names(tree)
        loops = [node for node in ast.walk(tree) if isinstance(node, ast.While | ast.For | ast.AsyncFor)]
        polling = {id(child) for loop in loops for child in ast.walk(loop)}
        found += [
            f"{path.relative_to(ROOT)}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and id(node) not in polling and _is_a_pause(node, names)
        ]
    assert found == [], "poll a condition with a deadline instead of sleeping"


def _is_a_pause(call, names):
    head, _, rest = dotted(call.func).partition(".")
    full = names.get(head, head) + (f".{rest}" if rest else "")
    if full not in {"time.sleep", "asyncio.sleep"}:
        return False
    # asyncio.sleep(0) only yields to other tasks
    return not (full == "asyncio.sleep" and call.args and getattr(call.args[0], "value", None) == 0)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments):
    """What the first words cost: neither numpy nor anything that a command needs only when it runs."""
    program = f"""
import sys
sys.argv = ["citywatch", *{arguments!r}]
from citywatch.__main__ import main
try:
    code = main()
except SystemExit as end:
    code = end.code
print("\\nheavy:", sorted(set({HEAVY!r}) & set(sys.modules)))
sys.exit(code or 0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("heavy: []"), done.stdout


def test_version_is_in_the_changelog():
    headings = [line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## ")]
    assert headings[0].split()[1].strip("[]") == citywatch.__version__


def test_walls_hold():
    """import-linter's contracts (pyproject.toml): who may import whom."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
