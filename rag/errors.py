"""Every error that Snoska raises on purpose.

RagError                  something the user can act on, told in one sentence
├── ConfigurationError    a setting has a value that cannot be used
├── DocumentError         one document cannot be read; the others go on
├── QuestionError         a question that cannot be asked: empty, far too long, a bad filter
├── ModelError            the embedding model is missing, damaged or unusable
├── IndexUnusable           the index as a whole
│   ├── IndexMissing      there is no index at that place
│   ├── IndexDamaged      a part is missing, or differs from its checksum
│   ├── IndexMismatch     another model, another format or another setting built it
│   ├── IndexBusy         another process is building it
│   └── IndexAway         the server that holds it does not answer
├── NothingToIndex        a folder with no readable document
├── EvaluationError       a questions file that cannot be used
└── GenerationError       no answer could be written; the cited passages stand as they are

The message holds the value, then the remedy. The command line prints it in one line and exits with 1.
"""

from __future__ import annotations

from typing import Literal

Fault = Literal["empty", "too_long", "date", "days", "document", "value"]  # what is wrong with a question
# not_found: nothing to write from; nothing: the model says that the passages don't tell; the rest is the endpoint's.
GenerationFailure = Literal["not_found", "nothing", "unreachable", "slow", "refused", "broken", "empty"]


class RagError(Exception):
    """The root: catch this to catch all that Snoska raises on purpose."""


class ConfigurationError(RagError):
    """A setting has a value that cannot be used."""


class DocumentError(RagError):
    """One document cannot be read; the message is the reason, without the file's name."""


class QuestionError(RagError):
    """A question that cannot be asked: empty, far too long, or with a filter that means nothing.

    ``fault`` tells those apart, for who says it in words of their own: ``date`` is none, ``days`` are none between two
    dates, ``document`` is not in the index, ``value`` is any other argument.
    """

    def __init__(self, message: str, fault: Fault = "value") -> None:
        super().__init__(message)
        self.fault: Fault = fault


class ModelError(RagError):
    """The embedding model is missing, damaged or unusable."""


class IndexUnusable(RagError):
    """The index as a whole cannot be used."""


class IndexMissing(IndexUnusable):
    """There is no index at that place."""


class IndexDamaged(IndexUnusable):
    """A part of the index is missing or differs from its checksum; the message names the part."""


class IndexMismatch(IndexUnusable):
    """The index was built by another model, in another format or with other settings."""


class IndexBusy(IndexUnusable):
    """Another process is building this index."""


class IndexAway(IndexUnusable):
    """The server that holds the index does not answer."""


class NothingToIndex(RagError):
    """No document in the folder could be read; the message says how many were skipped."""


class EvaluationError(RagError):
    """A questions file that cannot be used."""


class GenerationError(RagError):
    """The configured endpoint wrote no answer, or broke off; ``kind`` names the reason."""

    def __init__(self, kind: GenerationFailure, message: str) -> None:
        super().__init__(message)
        self.kind: GenerationFailure = kind
