"""Encryption of secrets at rest and hashing of random tokens. It stores nothing but the generated key file."""

import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from warden.errors import Misconfigured
from warden.log import get_logger
from warden.settings import Settings

log = get_logger(__name__)


class Vault:
    """Encrypts and signs with the operator's keys, newest first; older keys still decrypt."""

    def __init__(self, keys: list[str], called: str = "WARDEN_SECRET_KEY") -> None:
        """`called`: where the keys come from, for the error about one that is none."""
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError as error:
            raise Misconfigured(f"{called} is not a valid key: expected 32 bytes, url-safe base64.") from error
        self._signing_key = hashlib.sha256(b"warden-sign:" + keys[0].encode()).digest()

    def __repr__(self) -> str:
        return "Vault(…)"

    def encrypt(self, secret: dict[str, Any]) -> str:
        """Return `secret` as an encrypted token."""
        return self._fernet.encrypt(json.dumps(secret).encode()).decode()

    def decrypt(self, token: str) -> dict[str, Any]:
        """Return what `encrypt` was given. Raises Misconfigured when no key fits."""
        try:
            plain: dict[str, Any] = json.loads(self._fernet.decrypt(token.encode()))
        except InvalidToken as error:
            raise Misconfigured(
                "A stored secret cannot be decrypted: the key it was encrypted with is missing from WARDEN_SECRET_KEY."
            ) from error
        return plain

    def fits(self, token: str) -> bool:
        """Tell whether one of the keys decrypts what `encrypt` returned."""
        try:
            self.decrypt(token)
        except Misconfigured:
            return False
        return True

    def sign(self, text: str) -> str:
        """Return a short signature of `text`, for links that must not be forged."""
        return hmac.new(self._signing_key, text.encode(), hashlib.sha256).hexdigest()[:32]

    def verify(self, text: str, signature: str) -> bool:
        """Tell whether `signature` is `sign(text)`, in constant time."""
        return hmac.compare_digest(self.sign(text).encode(), signature.encode())


def open_vault(settings: Settings) -> Vault:
    """Return the vault of the configured keys; generate and keep a key on the very first start."""
    configured = settings.secret_key
    if configured:
        return Vault(_split(configured))
    return Vault(_read_or_create(settings.secret_key_file), f"What {settings.secret_key_file} holds")


def random_token() -> str:
    """Return an unguessable token (256 bits, url-safe)."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """Return what is stored of a random token. It has 256 random bits, so a plain SHA-256 cannot be guessed back."""
    return hashlib.sha256(token.encode()).hexdigest()


def _split(keys: SecretStr) -> list[str]:
    return [key.strip() for key in keys.get_secret_value().split(",") if key.strip()]


def _read_or_create(path: Path) -> list[str]:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return [line for line in path.read_text().split() if line]
    key = Fernet.generate_key().decode()
    with os.fdopen(descriptor, "w") as file:
        file.write(key + "\n")
    log.warning("secret_key_generated", file=str(path), advice="back this file up: stored secrets need it")
    return [key]
