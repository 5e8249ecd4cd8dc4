"""What must not be stored: files, texts and arguments that look like secrets.

Names and contents are judged by their shape alone. Better to leave out one file too many, which is
said before a run is repeated, than to put one key where everybody reads.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from mere.entities.code import MASK

__all__ = ["has_secret", "is_secret_name", "mask_arguments"]

_NAMES = re.compile(
    r"""
    \.env | \.env\..* | .*\.env | \.netrc | _netrc | \.pgpass | \.pypirc | \.npmrc | \.htpasswd
    | \.git-credentials | \.dockercfg | \.s3cfg | \.boto
    | .*\.(pem|key|p12|pfx|jks|keystore|kdbx|ppk)
    | id_(rsa|dsa|ecdsa|ed25519)(_\w+)?
    | credentials? | credentials?[._-].* | .*[._-]credentials?(\.(json|ya?ml|toml|ini|csv|txt))?
    | secrets? | secrets?\.(json|ya?ml|toml|ini|csv|txt|env) | service[_-]account.*\.json
    | client_secret.*\.json | \.?kube[_-]?config
    """,
    re.VERBOSE | re.IGNORECASE,
)
_EXAMPLES = re.compile(r".*\.(example|sample|template|dist|defaults?)|.*\.py", re.IGNORECASE)
_FOLDERS = frozenset({".ssh", ".aws", ".gnupg", ".azure"})
_CONTENTS = re.compile(
    rb"""
    -----BEGIN\ ([A-Z0-9]+\ )*PRIVATE\ KEY( \ BLOCK)?-----\s*[\r\n\\] # a key, not its mention
    | \b(AKIA|ASIA)(?!\w*EXAMPLE)[0-9A-Z]{16}\b                       # AWS
    | aws_secret_access_key["']?\s*[=:]\s*["']?(?!\S*EXAMPLE)[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])
    | \bgh[pousr]_[A-Za-z0-9]{36,}\b | \bgithub_pat_[A-Za-z0-9_]{50,}  # GitHub
    | \bglpat-[A-Za-z0-9_-]{20,}                                      # GitLab
    | \bxox[abprs]-[A-Za-z0-9-]{20,}                                  # Slack
    | \bhf_[A-Za-z0-9]{34,}\b                                         # Hugging Face
    | \bsk-(proj-|ant-)?[A-Za-z0-9_-]{40,}                            # OpenAI, Anthropic
    | \bAIza[0-9A-Za-z_-]{35}                                         # Google
    | \bnpm_[A-Za-z0-9]{36}\b | \bpypi-AgE[A-Za-z0-9_-]{50,}
    """,
    re.VERBOSE,
)
_URL_PASSWORD = re.compile(r"(\w[\w+.-]*://)[^/@\s:]*:[^/@\s]+@")
_SECRET_WORDS = frozenset(
    {"password", "passwd", "passphrase", "pwd", "secret", "secrets", "credential", "credentials"}
    | {"apikey", "authtoken", "accesskey", "privatekey", "token"}
)
_KEY_OF = frozenset({"api", "access", "private", "auth", "secret", "account", "signing"})


def is_secret_name(path: str) -> bool:
    """Whether a file's name says that it holds secrets."""
    *folders, name = path.split("/")
    if _FOLDERS.intersection(folders):
        return True
    return _NAMES.fullmatch(name) is not None and _EXAMPLES.fullmatch(name) is None


def has_secret(data: bytes) -> bool:
    """Whether a content holds what looks like a private key or a token."""
    return _CONTENTS.search(data) is not None


def mask_arguments(arguments: Sequence[str]) -> list[str]:
    """Arguments with everything that looks like a secret replaced.

    What follows an option of such a name is replaced, ``--password x`` and ``api_key=x`` alike,
    and every argument that has the shape of a token.
    """
    masked: list[str] = []
    before: str | None = None
    for word in arguments:
        is_option = word.startswith("-")
        name, sign, value = word.partition("=")
        if before is not None and not is_option:
            masked.append(word if _is_count(before, word) else MASK)
            before = None
            continue
        before = None
        if not _is_secret_option(name) or not (is_option or sign):
            masked.append(_mask_text(word))
        elif sign:
            masked.append(word if _is_count(name, value) or not value else f"{name}={MASK}")
        else:
            before = name
            masked.append(word)
    return masked


def _is_secret_option(name: str) -> bool:
    words = [word.lower() for word in re.split(r"[^A-Za-z0-9]+", _split_camel(name)) if word]
    if _SECRET_WORDS.intersection(words):
        return True
    return any(first in _KEY_OF and second in ("key", "token") for first, second in pairwise(words))


def _split_camel(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name)


def _is_count(name: str, value: str) -> bool:
    """Whether tokens are counted here: ``--max-token 512`` is no secret."""
    return "token" in name.lower() and re.fullmatch(r"[\d.eE+-]{1,9}", value) is not None


def _mask_text(word: str) -> str:
    if has_secret(word.encode(errors="surrogateescape") + b"\n"):
        return MASK
    return _URL_PASSWORD.sub(rf"\1{MASK}@", word)
