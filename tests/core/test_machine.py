from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from twinlens.core import machine
from twinlens.core.types import TwinlensError
from twinlens.version import __version__


def test_an_unknown_device_names_those_that_are_here():
    with pytest.raises(TwinlensError, match=r"not available; here: .*cpu"):
        machine.pick_device("abacus")


def test_the_environment_is_json_and_complete():
    environment = machine.environment("cpu", precision="bfloat16")
    assert json.loads(json.dumps(environment)) == environment
    assert environment["device"] == "cpu" and environment["precision"] == "bfloat16"
    assert environment["versions"]["twinlens"] == __version__
    assert environment["processor"] and environment["cpu_capability"] and environment["threads"] >= 1


def test_a_switched_off_fast_path_is_in_the_environment():
    code = "import json; from twinlens.core import machine; print(json.dumps(machine.environment('cpu')))"
    switched_off = {**os.environ, "ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"}
    done = subprocess.run([sys.executable, "-c", code], env=switched_off, capture_output=True, text=True, check=True)
    environment = json.loads(done.stdout)
    assert environment["cpu_capability"] in ("DEFAULT", "NO AVX")  # torch 2.8 has the second name
    assert not environment["multiplies_bf16"]


def test_importing_the_module_imports_no_torch():
    code = (
        "import sys; from twinlens.core import machine; assert machine.cores() >= 1; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
