from __future__ import annotations

import pytest

from mere.client.secrecy import has_secret, is_secret_name, mask_arguments

# Put together here, so that this file itself is none that looks like a secret.
PEM = "-----BEGIN " + "RSA PRIVATE KEY-----\nMIIE"
AWS = "AKIA" + "Z" * 16
GITHUB = "ghp_" + "a1" * 18


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        "deploy/.env.production",
        "prod.env",
        "a/b/server.pem",
        "server.key",
        "id_rsa",
        "id_ed25519",
        "credentials",
        "credentials.json",
        "google-credentials.json",
        "client_secret_12.json",
        "secrets.yaml",
        "keys.p12",
        ".netrc",
        ".aws/config",
        "CREDENTIALS.JSON",
    ],
)
def test_names_of_secrets(path: str) -> None:
    assert is_secret_name(path)


@pytest.mark.parametrize(
    "path",
    [
        "train.py",
        "credentials.py",
        ".env.example",
        "keyboard.txt",
        "monkey",
        "environment.yml",
        "secret_santa.md",
        "tokens.csv",
        "README.md",
    ],
)
def test_names_of_other_files(path: str) -> None:
    assert not is_secret_name(path)


def test_contents() -> None:
    for text in (PEM, f"key = '{AWS}'", f"token: {GITHUB}\n", "aws_secret_access_key=" + "a/" * 20):
        assert has_secret(f"x = 1\n{text}\n".encode()), text
    for text in ("AKIA" + "IOSFODNN7EXAMPLE", "BEGIN PRIVATE KEY", "ghp_short", "sk-learn"):
        assert not has_secret(text.encode()), text


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (["--password", "hunter2", "--lr", "0.1"], ["--password", "***", "--lr", "0.1"]),
        (["--api-key=abc"], ["--api-key=***"]),
        (["--apiKey=abc", "--dbPassword", "x"], ["--apiKey=***", "--dbPassword", "***"]),
        (["db.password=abc", "lr=0.1"], ["db.password=***", "lr=0.1"]),
        (["--token", "--verbose"], ["--token", "--verbose"]),
        (["--max-tokens", "512"], ["--max-tokens", "512"]),
        (["--tokenizer", "bert"], ["--tokenizer", "bert"]),
        (["--token", "512"], ["--token", "512"]),
        (["--token", "abcdef"], ["--token", "***"]),
        (["password", "is", "a", "word"], ["password", "is", "a", "word"]),
        ([AWS], ["***"]),
        (["--url", "postgres://ann:pw@host/db"], ["--url", "postgres://***@host/db"]),
        (["--hf_token=x", "--access-key", "k"], ["--hf_token=***", "--access-key", "***"]),
        (["--password="], ["--password="]),
        ([], []),
    ],
)  # fmt: skip
def test_arguments_are_masked(given: list[str], stored: list[str]) -> None:
    assert mask_arguments(given) == stored
