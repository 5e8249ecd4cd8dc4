"""Which packages an environment had, and where each can be had again. Pure."""

from __future__ import annotations

import re

import msgspec

from mere.entities.code import Distribution, Environment

__all__ = ["PackagePlan", "differing", "plan_packages", "versions"]

_MERE = "mere"


class PackagePlan(msgspec.Struct, frozen=True, kw_only=True):
    """Where the packages of an environment come from.

    Args:
        lock: Requirements for packages of the index and of repositories, one each.
        local: Packages whose sources are part of the code.
        has_running_mere: Whether mere is taken from the one that is running.
        torch_backend: Which builds of PyTorch are meant, such as ``cu128``.
        notes: What cannot be had as it was.
    """

    lock: list[str] = []
    local: list[Distribution] = []
    has_running_mere: bool = False
    torch_backend: str | None = None
    notes: list[str] = []


def plan_packages(environment: Environment, running_mere: str) -> PackagePlan:
    """Decide where each package of an environment is taken from.

    Args:
        environment: What was recorded.
        running_mere: The version of the mere that is running.
    """
    lock: list[str] = []
    local: list[Distribution] = []
    notes: list[str] = []
    has_mere = False
    backend = None
    for package in environment.distributions:
        if package.local is not None:
            has_mere |= package.name == _MERE
            local.append(package)
        elif package.name == _MERE:
            # Nobody but the index knows another version; this very one is here.
            if package.version != running_mere and package.url is None:
                has_mere = True
                lock.append(f"{package.name}=={package.version}")
        elif package.vcs and package.commit:
            lock.append(_from_repository(package))
        elif _is_elsewhere(package):
            notes.append(
                f"package {package.name} {package.version} was installed from {package.url}, which "
                "is not part of the code: it will be missing"
            )
        elif package.url is not None and not package.url.startswith("file:"):
            lock.append(f"{package.name} @ {package.url}")
        else:
            lock.append(f"{package.name}=={package.version}")
            backend = backend or _backend(package)
    recorded = environment.mere or running_mere
    if not has_mere and recorded != running_mere:
        notes.append(f"mere {running_mere} is used where mere {recorded} was")
    return PackagePlan(
        lock=lock,
        local=local,
        has_running_mere=not has_mere,
        torch_backend=backend,
        notes=notes,
    )


def differing(one: Environment, other: Environment) -> dict[str, tuple[str | None, str | None]]:
    """The packages whose versions or origins differ, with both."""
    first, second = versions(one), versions(other)
    return {
        name: (first.get(name), second.get(name))
        for name in sorted(first.keys() | second.keys())
        if first.get(name) != second.get(name)
    }


def versions(environment: Environment) -> dict[str, str]:
    """The versions of an environment's packages, by name in lower case."""
    return {
        re.sub(r"[-_.]+", "-", package.name).lower(): _version(package)
        for package in environment.distributions
    }


def _version(package: Distribution) -> str:
    origin = f"@{package.commit[:12]}" if package.commit else ""
    where = " (in the code)" if package.local is not None else ""
    return f"{package.version}{origin}{where}"


def _from_repository(package: Distribution) -> str:
    below = f"#subdirectory={package.subdirectory}" if package.subdirectory else ""
    return f"{package.name} @ {package.vcs}+{package.url}@{package.commit}{below}"


def _is_elsewhere(package: Distribution) -> bool:
    """Whether it was a folder of that machine; a single file was a build that the index has."""
    url = package.url or ""
    is_file = url.endswith((".whl", ".tar.gz", ".zip"))
    return url.startswith("file:") and (package.is_editable or not is_file)


def _backend(package: Distribution) -> str | None:
    found = re.fullmatch(r".*\+(cu\d+|cpu|rocm[\d.]+|xpu)", package.version)
    return found[1] if found and package.name == "torch" else None
