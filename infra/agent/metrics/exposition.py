"""Writes metrics in Prometheus's text format.

Source: prometheus.io/docs/instrumenting/exposition_formats, "Text-based format".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """One value, and by which labels it is told from the others of its metric."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class Gauge:
    """A metric whose value may rise and fall.

    Attributes:
        name: Its name, with the unit at its end.
        help: What it says, in a sentence.
        samples: Its values; a metric without any is left out.
    """

    name: str
    help: str
    samples: tuple[Sample, ...]


def text(metrics: Iterable[Gauge]) -> str:
    """The metrics as Prometheus reads them."""
    lines: list[str] = []
    for metric in metrics:
        if metric.samples:
            lines += [f"# HELP {metric.name} {_escaped(metric.help)}", f"# TYPE {metric.name} gauge"]
            lines += [f"{metric.name}{_labels(each.labels)} {each.value!r}" for each in metric.samples]
    return "".join(f"{line}\n" for line in lines)


def _labels(labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{name}="{_quoted(value)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")


def _quoted(value: str) -> str:
    return _escaped(value).replace('"', '\\"')
