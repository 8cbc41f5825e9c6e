"""Dashboards and alerts lean on names: the code uses those of docs/contracts/telemetry.yaml and no others."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.architecture.tree import ROOT, sources

_METRICS = {"Gauge", "Counter", "Histogram", "Summary"}
_NAMESPACES = ("rekam.", "messaging.", "http.", "error.")
_FORBIDDEN_LABELS = {"office", "nik", "message", "recording", "recording_id"}


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    """Read the contract."""
    return dict(yaml.safe_load((ROOT / "docs" / "contracts" / "telemetry.yaml").read_text()))


def test_every_metric_is_in_the_contract_with_its_labels(contract: dict[str, Any]) -> None:
    promised = {name: (one["type"], tuple(one["labels"])) for name, one in contract["metrics"].items()}

    assert dict(metrics(ROOT)) == promised


def test_reserved_metrics_are_not_measured_yet(contract: dict[str, Any]) -> None:
    assert not set(contract["reserved"]) & set(contract["metrics"])


def test_no_metric_has_a_label_of_thousands_of_values(contract: dict[str, Any]) -> None:
    labels = {label for one in contract["metrics"].values() for label in one["labels"]}

    assert not labels & _FORBIDDEN_LABELS


def test_every_attribute_of_a_span_is_in_the_contract(contract: dict[str, Any]) -> None:
    promised = {attribute for span in contract["spans"] for attribute in span["attributes"]}

    assert set(attributes(ROOT)) == promised


def test_a_new_attribute_and_a_new_metric_are_found(tmp_path: Path) -> None:
    said = 'Gauge("rekam_new", "New.", ["stage"])\nspan.set_attribute("rekam.new", 1)\nspan({"http.new": 2})\n'
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "new.py").write_text(said)

    assert dict(metrics(tmp_path)) == {"rekam_new": ("gauge", ("stage",))}
    assert set(attributes(tmp_path)) == {"rekam.new", "http.new"}


def metrics(root: Path) -> Iterator[tuple[str, tuple[str, tuple[str, ...]]]]:
    """Find the metrics the code makes: name, type and labels."""
    for source in sources("services", "shared", root=root):
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in _METRICS and len(node.args) > 1:
                labels = ast.literal_eval(node.args[2]) if len(node.args) > 2 else ()
                yield ast.literal_eval(node.args[0]), (ast.unparse(node.func).lower(), tuple(labels))


def attributes(root: Path) -> Iterator[str]:
    """Find the attributes the code sets on spans."""
    for source in sources("services", "shared", root=root):
        for node in ast.walk(source.tree):
            keys = node.keys if isinstance(node, ast.Dict) else []
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("set_attribute"):
                keys = [node.args[0]]
            if isinstance(node, ast.Assign):
                keys = [target.slice for target in node.targets if isinstance(target, ast.Subscript)]
            yield from (name for key in keys if (name := _attribute(key)))


def _attribute(node: ast.expr | None) -> str:
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    name = str(ast.literal_eval(node)) if is_text and node else ""
    return name if name.startswith(_NAMESPACES) else ""
