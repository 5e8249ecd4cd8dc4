"""What the data of each event looks like; a test of a webhook sends these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["EXAMPLES"]

_MODEL = {"name": "digits"}
_VERSION = {**_MODEL, "version": "1"}
_TAG = {"key": "team", "value": "vision"}
_PROMPT = {"name": "greeting"}
_PROMPT_VERSION = {**_PROMPT, "version": "1"}
_DEPLOYMENT = {
    "deployment_id": "0" * 32,
    "environment": "production",
    "application": "shop",
    "application_version": "2.1.0",
    "image_digest": None,
    "endpoint": None,
    "traffic": 1.0,
    **_VERSION,
}

EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "registered_model.created": {**_MODEL, "tags": {"team": "vision"}, "description": "digits"},
    "model_version.created": {
        **_VERSION,
        "source": "models:/m-" + "0" * 32,
        "run_id": "0" * 32,
        "tags": {"team": "vision"},
        "description": "the first one",
    },
    "model_version_tag.set": {**_VERSION, **_TAG},
    "model_version_tag.deleted": {**_VERSION, "key": "team"},
    "model_version_alias.created": {**_VERSION, "alias": "champion"},
    "model_version_alias.deleted": {**_MODEL, "alias": "champion"},
    "prompt.created": {**_PROMPT, "tags": {"team": "vision"}, "description": "a greeting"},
    "prompt_version.created": {
        **_PROMPT_VERSION,
        "template": "Hello {{name}}",
        "tags": {"team": "vision"},
        "description": "the first one",
    },
    "prompt_tag.set": {**_PROMPT, **_TAG},
    "prompt_tag.deleted": {**_PROMPT, "key": "team"},
    "prompt_version_tag.set": {**_PROMPT_VERSION, **_TAG},
    "prompt_version_tag.deleted": {**_PROMPT_VERSION, "key": "team"},
    "prompt_alias.created": {**_PROMPT_VERSION, "alias": "production"},
    "prompt_alias.deleted": {**_PROMPT, "alias": "production"},
    "model_version_review.created": {
        **_VERSION,
        "state": "approved",
        "comment": "good on all slices",
        "reviewers": [],
        "reviewed_by": "ann",
    },
    "run_review.created": {
        "run_id": "0" * 32,
        "state": "requested",
        "comment": "is the loss right?",
        "reviewers": ["ben"],
        "reviewed_by": "ann",
    },
    "comment.created": {
        "comment_id": "0" * 32,
        "subject": "model:digits/1",
        "label": "digits/1",
        "text": "@ben, have a look at class 8",
        "written_by": "ann",
        "thread": None,
        "mentions": ["ben"],
    },
    "deployment.created": _DEPLOYMENT,
    "deployment.deleted": {**_DEPLOYMENT, "reason": "replaced by digits/2"},
}
"""By the event's name."""
