"""The password of the page: kept as a scrypt hash, made and checked here."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass

from rag.errors import ConfigurationError

COST, BLOCK, LANES = 2**15, 8, 3  # 32 MiB and some 0.2 s a guess: one of OWASP's settings for scrypt
LEAST, MOST = 2**14, 2**20  # costs that are taken: below, guessing is cheap; above, a login takes a gigabyte
SALT = KEY = 32  # bytes
SHORTEST, LONGEST = 8, 1024  # characters of a password


@dataclass(frozen=True, slots=True, repr=False)
class Password:
    """What is known of a password: enough to check one, not to tell it."""

    cost: int
    block: int
    lanes: int
    salt: bytes
    key: bytes

    @classmethod
    def of(cls, password: str) -> Password:
        """Raises ConfigurationError where the password is too short or too long."""
        if not SHORTEST <= len(password) <= LONGEST:
            raise ConfigurationError(
                f"the password has {len(password)} characters: take {SHORTEST} or more, and at most {LONGEST}"
            )
        salt = secrets.token_bytes(SALT)
        return cls(COST, BLOCK, LANES, salt, _key(password, salt, COST, BLOCK, LANES))

    @classmethod
    def read(cls, text: str, source: str) -> Password:
        """From the text form; raises ConfigurationError, which names the ``source``, where it is none."""
        kind, *parts = text.strip().split(":")
        try:
            cost, block, lanes = map(int, parts[:3])
            salt, key = (base64.urlsafe_b64decode(f"{each}==") for each in parts[3:])
        except (ValueError, binascii.Error):
            kind, cost, block, lanes, salt, key = "", 0, 0, 0, b"", b""
        is_cost = LEAST <= cost <= MOST and cost & (cost - 1) == 0
        if kind != "scrypt" or not (is_cost and 8 <= block <= 16 and 1 <= lanes <= 16 and len(key) == KEY and salt):
            raise ConfigurationError(f"{source} is no hash of a password: let 'snoska password' make one")
        return cls(cost, block, lanes, salt, key)

    def __str__(self) -> str:
        """``scrypt:COST:BLOCK:LANES:SALT:KEY``, in URL-safe base 64: no sign in it means anything to a shell."""
        encoded = (base64.urlsafe_b64encode(each).decode().rstrip("=") for each in (self.salt, self.key))
        return ":".join(["scrypt", str(self.cost), str(self.block), str(self.lanes), *encoded])

    def fits(self, password: str) -> bool:
        """Whether this is the password; takes some tenths of a second and as long for any wrong one."""
        given = _key(password[: LONGEST + 1], self.salt, self.cost, self.block, self.lanes)
        return secrets.compare_digest(given, self.key)


def _key(password: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    given = password.encode("utf-8", "surrogatepass")
    memory = 2 * 128 * cost * block  # twice what it takes: OpenSSL's own bound is lower
    return hashlib.scrypt(given, salt=salt, n=cost, r=block, p=lanes, maxmem=memory, dklen=KEY)
