"""The same training with a processor's fast paths on and off: same batches, weights and precision, like results."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from twinlens.core import machine

SEEDS, EPOCHS = 4, 8
T_95 = 3.182
"""Student's t for a two-sided interval of 95 % over four seeds."""
OFF = {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"}
SCRIPT = """
import hashlib, json, sys
import torch
from tests import toy
from twinlens.core import machine
from twinlens.core.digests import update_with_tensors
from twinlens.evaluation.baselines import similarities
from twinlens.evaluation.judgements import Judgements
from twinlens.models.composer import Composer
from twinlens.splits import hold_out
from twinlens.training import loop

torch.set_num_threads(1)
for precision, seeds, epochs in json.loads(sys.argv[1]):
    runs = []
    for seed in range(seeds):
        train, test = hold_out(toy.edits(), 0.25, seed)
        recipe = toy.recipe(epochs=epochs, patience=epochs, learning_rate=0.003, precision=precision)
        composer = Composer.build(recipe, seed=seed)
        composer.fit(train.queries)
        initial, batches, take = composer.digest, hashlib.blake2b(digest_size=16), loop._take

        def seen(run, step):
            update_with_tensors(batches, step.batch)
            return take(run, step)

        loop._take = seen
        found = loop.train(composer, train, test, seed=seed, progress=False)
        loop._take = take
        judged = Judgements.of(test)
        score = judged.per_query(similarities(composer, judged.queries, judged.gallery))["map"].mean()
        runs.append({"initial": initial, "batches": batches.hexdigest(), "loss": found[-1].loss, "map": float(score)})
    print(json.dumps({"environment": machine.environment("cpu", precision=precision), "runs": runs}))
"""


def train(environment: dict[str, str], *settings: tuple[str, int, int]) -> list[dict]:
    """Train the toy in a process of its own, whose processor can do as much as its environment lets it.

    settings: precision, seeds and epochs; each has a result.
    """
    root = Path(__file__).resolve().parents[2]
    path = os.pathsep.join([str(root / "src"), str(root)])
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(settings)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment, "PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()[-len(settings) :]]


@pytest.fixture(scope="module")
def fast_ones():
    """By float32 and by bfloat16."""
    return train({}, ("float32", SEEDS, EPOCHS), ("bfloat16", 1, 3))


@pytest.fixture(scope="module")
def fast(fast_ones):
    return fast_ones[0]


@pytest.fixture(scope="module")
def slow():
    (found,) = train(OFF, ("float32", SEEDS, EPOCHS))
    return found


def test_a_seed_has_the_same_batches_weights_and_precision_everywhere(fast, slow):
    for one, other in zip(fast["runs"], slow["runs"], strict=True):
        assert (one["initial"], one["batches"]) == (other["initial"], other["batches"])
    assert fast["environment"]["precision"] == slow["environment"]["precision"] == "float32"
    assert slow["environment"]["cpu_capability"] in ("DEFAULT", "NO AVX")  # torch 2.8 has the second name
    assert not slow["environment"]["multiplies_bf16"]


def test_its_metrics_are_within_the_interval_over_seeds(fast, slow):
    """With the fast paths off, the mean over seeds lies within its 95 % interval with them on."""
    for name in ("map", "loss"):
        values = [run[name] for run in fast["runs"]]
        half = T_95 * statistics.stdev(values) / SEEDS**0.5
        assert abs(statistics.mean(run[name] for run in slow["runs"]) - statistics.mean(values)) <= half


def test_bfloat16_runs_where_it_is_asked_for_is_finite_and_is_recorded(fast_ones):
    found = fast_ones[1]
    assert found["environment"]["precision"] == "bfloat16"
    assert found["environment"]["multiplies_bf16"] == machine.multiplies_bf16()
    (run,) = found["runs"]
    assert 0 <= run["map"] <= 1 and abs(run["loss"]) < 100
