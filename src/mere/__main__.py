"""``python -m mere``: the same as the command ``mere``."""

from __future__ import annotations

from mere.cli import main

if __name__ == "__main__":
    main()
