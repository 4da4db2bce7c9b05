"""By which certificates a server is known that is not among the usual ones', and what is wrong with another's."""

from __future__ import annotations

import ssl
from pathlib import Path

from rag.errors import ConfigurationError


def trusted(variable: str, authority: Path) -> ssl.SSLContext:
    """How a client knows servers whose certificates are signed by these authorities, and no others. Raises
    ConfigurationError where the file holds none."""
    try:
        return ssl.create_default_context(cafile=authority)
    except OSError as error:  # an SSLError too
        raise ConfigurationError(
            f"SNOSKA_{variable}_CA={str(authority)!r} is no file of certificates: name one in the form PEM"
        ) from error


def distrust(error: BaseException | None) -> str:
    """What is wrong with the certificate that a connection has failed for; empty where it failed for something else."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message.rstrip(".")
        error = error.__cause__ or error.__context__
    return ""
