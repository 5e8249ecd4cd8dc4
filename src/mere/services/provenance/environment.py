"""What this process runs in: its Python, machine, packages and the variables that steer numbers.

Equal environments are described equally, byte by byte, on whatever machine the code lies.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from mere.config import environment
from mere.entities.code import Distribution, Environment

__all__ = ["STEERING", "interpreter_options", "read_environment"]

STEERING = (
    "PYTHONHASHSEED",
    "PYTHONOPTIMIZE",
    "PYTHONUTF8",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "OPENBLAS_CORETYPE",
    "MKL_NUM_THREADS",
    "MKL_CBWR",
    "MKL_DYNAMIC",
    "NUMEXPR_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_VISIBLE_DEVICES",
    "CUDA_LAUNCH_BLOCKING",
    "CUDNN_DETERMINISTIC",
    "NVIDIA_TF32_OVERRIDE",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "TF_DETERMINISTIC_OPS",
    "TF_CUDNN_DETERMINISTIC",
    "TF_ENABLE_ONEDNN_OPTS",
    "XLA_FLAGS",
    "JAX_ENABLE_X64",
    "JAX_PLATFORMS",
    "TOKENIZERS_PARALLELISM",
    "TZ",
    "LC_ALL",
    "LANG",
    "WORLD_SIZE",
)
"""The environment variables that are noted; all others may hold secrets."""

_CPU = Path("/proc/cpuinfo")
_DRIVER = Path("/proc/driver/nvidia/version")
_VALUE_CHARS_MAX = 200
_GPU_TIMEOUT_S = 2.0
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_CREDENTIALS = re.compile(r"^([\w+.-]+://)[^/@]*@")


def read_environment(root: Path | None = None) -> Environment:
    """Describe what this process runs in.

    Args:
        root: The root of the code; packages installed from within it are named relative to it.
    """
    import mere

    variables = environment()
    return Environment(
        python=platform.python_version(),
        implementation=platform.python_implementation(),
        build=f"{' '.join(platform.python_build())} {platform.python_compiler()}",
        options=interpreter_options(sys.orig_argv),
        path=_python_path(variables.get("PYTHONPATH", ""), root),
        platform=platform.platform(),
        system=platform.system(),
        machine=platform.machine(),
        cpu=_cpu(),
        cuda=_cuda(),
        driver=_driver(),
        gpus=_gpus(),
        distributions=_distributions(root),
        variables={
            name: variables[name][:_VALUE_CHARS_MAX] for name in STEERING if name in variables
        },
        mere=mere.__version__,
    )


def interpreter_options(words: Sequence[str]) -> list[str]:
    """The options of the interpreter in a command line: ``-O``, ``-X dev`` and the like."""
    options: list[str] = []
    rest = iter(words[1:])
    for word in rest:
        if not word.startswith("-") or word == "-" or word[:2] in ("-c", "-m"):
            break
        options.append(word)
        if word in ("-W", "-X", "--check-hash-based-pycs"):
            options.append(next(rest, ""))
        elif not word.startswith("--") and word[-1] in "cm" and word[1] not in "WX":
            # As in -Im module, where the module is no option.
            options[-1] = word[:-1]
            break
    return [word for word in options if word not in ("-u", "-v", "-q", "-i")]


def _python_path(value: str, root: Path | None) -> list[str]:
    """The folders that the user put on Python's path and that belong to the code."""
    below = [_below(Path(part), root) for part in value.split(os.pathsep) if part]
    return [part for part in below if part is not None]


def _cpu() -> str | None:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", _CPU.read_text(), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        found = None
    return found[1].strip() if found else platform.processor() or None


def _cuda() -> str | None:
    # Never imported for this: it takes seconds, and who has not imported it does not use it.
    version = getattr(sys.modules.get("torch"), "version", None)
    cuda = getattr(version, "cuda", None)
    return str(cuda) if cuda else None


def _driver() -> str | None:
    try:
        found = re.search(r"Kernel Module\s.*?(\d+\.[\d.]+)", _DRIVER.read_text())
    except (OSError, UnicodeDecodeError):
        return None
    return found[1] if found else None


def _gpus() -> list[str]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        done = subprocess.run(
            [program, "--query-gpu=name", "--format=csv,noheader"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_GPU_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]


def _distributions(root: Path | None) -> list[Distribution]:
    found: dict[str, Distribution] = {}
    for installed in metadata.distributions():
        try:
            about = installed.metadata
            name, version = about["Name"], about["Version"]
            if not name or not version:
                continue
            # The first on the path is the one that is imported.
            key = re.sub(r"[-_.]+", "-", name).lower()
            if key not in found:
                found[key] = _distribution(installed, name, version, root)
        except Exception:  # noqa: BLE001, S112  what others installed may be broken in any way
            continue
    return [found[key] for key in sorted(found)]


def _distribution(
    installed: metadata.Distribution, name: str, version: str, root: Path | None
) -> Distribution:
    plain = Distribution(name=name, version=version)
    text = installed.read_text("direct_url.json")
    if text is None:
        folder = Path(str(installed.locate_file(""))).resolve()
        if folder.name in _INSTALLED or _is_bundled(folder):
            return plain
        # Found on the path beside its sources, as by PYTHONPATH or an old editable install.
        local = _below(folder, root)
        return msgspec.structs.replace(
            plain,
            url=folder.as_uri() if local is None else None,
            is_editable=True,
            local=local,
        )
    origin = msgspec.json.decode(text)
    url = _CREDENTIALS.sub(r"\1", str(origin["url"]))
    vcs = origin.get("vcs_info") or {}
    parts = urlsplit(url)
    local = None
    if "dir_info" in origin and parts.scheme == "file":
        local = _below(Path(unquote(parts.path)), root)
    return msgspec.structs.replace(
        plain,
        # Where it lies within the code says all there is to say, on every machine alike.
        url=None if local is not None else url,
        commit=vcs.get("commit_id"),
        vcs=vcs.get("vcs"),
        subdirectory=origin.get("subdirectory"),
        is_editable=bool((origin.get("dir_info") or {}).get("editable")),
        local=local,
    )


def _is_bundled(folder: Path) -> bool:
    """Whether packages lie in an archive or a frozen program."""
    return not folder.is_dir()


def _below(folder: Path, root: Path | None) -> str | None:
    if root is None:
        return None
    try:
        return folder.resolve().relative_to(root.resolve()).as_posix()
    except (ValueError, OSError):
        return None
