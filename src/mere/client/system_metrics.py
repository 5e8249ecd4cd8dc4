"""What the machine and the process do while a run lasts, sampled now and then.

A sample is a handful of metrics below ``system/``: of the machine, of the process, and of NVIDIA's
GPUs where the library `pynvml` is there. Disk and network are counted from the run's start. What
cannot be read on this machine is left out.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from mere.entities.metric import SYSTEM_PREFIX

__all__ = ["INTERVAL_S", "Sampler", "SystemReader"]

INTERVAL_S = 10.0
_FIRST_S = 1.0


class SystemReader:
    """Reads the machine's and this process's figures; begins to count when it is made."""

    def __init__(self) -> None:
        import psutil

        self._psutil = psutil
        self._process = psutil.Process()
        psutil.cpu_percent()
        with contextlib.suppress(psutil.Error):
            self._process.cpu_percent()
        self._start = dict(self._counters())
        self._gpus = _open_gpus()

    def read(self) -> dict[str, float]:
        """The figures of now, by key without a prefix."""
        found: dict[str, float] = {}
        for part in (self._machine, self._counted, self._own, self._gpu):
            # Containers hide some of it, and a GPU may go away.
            with contextlib.suppress(Exception):
                found.update(part())
        return found

    def _machine(self) -> Iterator[tuple[str, float]]:
        psutil = self._psutil
        yield "cpu_percent", psutil.cpu_percent()
        memory = psutil.virtual_memory()
        yield "memory_bytes", memory.total - memory.available
        yield "memory_percent", memory.percent
        yield "disk_percent", psutil.disk_usage(".").percent

    def _counters(self) -> Iterator[tuple[str, float]]:
        with contextlib.suppress(Exception):
            disk = self._psutil.disk_io_counters()
            yield "disk_read_bytes", disk.read_bytes
            yield "disk_written_bytes", disk.write_bytes
        with contextlib.suppress(Exception):
            network = self._psutil.net_io_counters()
            yield "network_received_bytes", network.bytes_recv
            yield "network_sent_bytes", network.bytes_sent

    def _counted(self) -> Iterator[tuple[str, float]]:
        for key, value in self._counters():
            if key in self._start:
                yield key, value - self._start[key]

    def _own(self) -> Iterator[tuple[str, float]]:
        with self._process.oneshot():
            yield "process/cpu_percent", self._process.cpu_percent()
            yield "process/memory_bytes", self._process.memory_info().rss
            yield "process/threads", self._process.num_threads()

    def _gpu(self) -> Iterator[tuple[str, float]]:
        for number, gpu in enumerate(self._gpus):
            yield from gpu(f"gpu/{number}/")


def _open_gpus() -> list[Callable[[str], Iterator[tuple[str, float]]]]:
    try:
        pynvml: Any = import_module("pynvml")
        pynvml.nvmlInit()
        handles = [
            pynvml.nvmlDeviceGetHandleByIndex(number)
            for number in range(pynvml.nvmlDeviceGetCount())
        ]
    except Exception:  # noqa: BLE001  no library, no driver, no permission: no GPU for us
        return []
    return [_gpu_reader(pynvml, handle) for handle in handles]


def _gpu_reader(nvml: Any, handle: Any) -> Callable[[str], Iterator[tuple[str, float]]]:
    def read(prefix: str) -> Iterator[tuple[str, float]]:
        # Each alone: consumer cards lack some of these.
        with contextlib.suppress(Exception):
            yield f"{prefix}percent", nvml.nvmlDeviceGetUtilizationRates(handle).gpu
        with contextlib.suppress(Exception):
            yield f"{prefix}memory_bytes", nvml.nvmlDeviceGetMemoryInfo(handle).used
        with contextlib.suppress(Exception):
            yield f"{prefix}power_watts", nvml.nvmlDeviceGetPowerUsage(handle) / 1000
        with contextlib.suppress(Exception):
            celsius = nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)
            yield f"{prefix}temperature_celsius", celsius

    return read


class Sampler:
    """Logs a sample soon after its start, and one each interval.

    Args:
        put: Takes a sample, as a call of kind ``metrics``; must not block.
        now_us: The time.
        interval_s: How often.
        rank: Which process of the run this is.
    """

    def __init__(
        self,
        put: Callable[[tuple[str, Any, Any, Any], int], None],
        now_us: Callable[[], int],
        interval_s: float,
        rank: int,
    ) -> None:
        self._put = put
        self._now_us = now_us
        self._interval_s = interval_s
        self._prefix = SYSTEM_PREFIX + (f"rank/{rank}/" if rank else "")
        self._has_ended = threading.Event()

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._run, name="mere system metrics", daemon=True).start()

    def stop(self) -> None:
        """Sample no more."""
        self._has_ended.set()

    def _run(self) -> None:
        wait_s = min(_FIRST_S, self._interval_s)
        reader: SystemReader | None = None
        while True:
            if reader is None:
                try:
                    reader = SystemReader()
                except Exception:  # noqa: BLE001  no such figures on this machine
                    return
            if self._has_ended.wait(wait_s):
                return
            sample = {f"{self._prefix}{key}": float(v) for key, v in reader.read().items()}
            self._put(("metrics", sample, None, self._now_us()), len(sample))
            wait_s = self._interval_s
