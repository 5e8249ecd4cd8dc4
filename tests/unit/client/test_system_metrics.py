from __future__ import annotations

import sys
import time
import types

import pytest

import mere
from mere.client.system_metrics import Sampler, SystemReader


def test_the_machine_and_the_process_are_read() -> None:
    reader = SystemReader()
    found = reader.read()
    assert found["memory_bytes"] > 0
    assert 0 <= found["cpu_percent"] <= 100
    assert found["process/memory_bytes"] > 1 << 20
    assert found["process/threads"] >= 1


def test_gpus_are_read_where_there_are_any(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: object) -> float:
        raise RuntimeError("not on this card")

    library = types.SimpleNamespace(
        NVML_TEMPERATURE_GPU=0,
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda number: number,
        nvmlDeviceGetUtilizationRates=lambda h: types.SimpleNamespace(gpu=50 + h),
        nvmlDeviceGetMemoryInfo=lambda h: types.SimpleNamespace(used=1 << 30),
        nvmlDeviceGetPowerUsage=missing,
        nvmlDeviceGetTemperature=lambda h, kind: 60,
    )
    monkeypatch.setitem(sys.modules, "pynvml", library)
    found = SystemReader().read()
    assert found["gpu/1/percent"] == 51
    assert found["gpu/0/memory_bytes"] == 1 << 30
    assert "gpu/0/power_watts" not in found


def test_samples_come_until_the_end(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERE_SYSTEM_METRICS", "true")
    with mere.start_run(system_metrics=0.05) as run:
        time.sleep(0.5)
    assert mere.metric_history(run, "system/cpu_percent")["step"].to_pylist()[:3] == [0, 1, 2]
    stored = mere.get_run(run.run_id)
    assert stored.metrics["system/process/memory_bytes"] > 0


def test_a_rank_s_samples_are_its_own() -> None:
    taken: list[dict[str, float]] = []
    sampler = Sampler(lambda call, points: taken.append(call[1]), lambda: 1, 0.01, 3)
    sampler.start()
    give_up = time.monotonic() + 5
    while not taken and time.monotonic() < give_up:
        time.sleep(0.01)
    sampler.stop()
    assert all(key.startswith("system/rank/3/") for key in taken[0])
