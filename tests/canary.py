"""A private key that would be recognised anywhere: as PEM, as base64 of it at any offset, as bytes, or in part."""

from __future__ import annotations

import base64
import dataclasses
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.aws_world import secret

_PIECE = 24
"""Characters in a row that no text shares with a key by chance."""


@dataclass(frozen=True)
class Canary:
    """A key's texts. `forms` are all that it may be written as; `known` are such as everybody may see."""

    forms: tuple[str, ...]
    known: tuple[str, ...] = ()

    def sings(self, *texts: str) -> list[str]:
        """Return the pieces of the key that stand in any of the texts."""
        known = "\n".join(self.known)
        pieces = {piece for form in self.forms for piece in _pieces(form) if piece not in known}
        return sorted(piece for piece in pieces if any(piece in text for text in texts))


def _pieces(form: str) -> Iterator[str]:
    """Yield overlapping pieces, so that a log that breaks lines or cuts long texts hides none."""
    for start in range(0, max(1, len(form) - _PIECE + 1), _PIECE // 2):
        yield form[start : start + _PIECE]


def canary_of(text: str) -> Canary:
    """Return the canary of a secret text, e.g. of a PEM file."""
    lines = [line for line in text.splitlines() if line and not line.startswith("-----")]
    raw = text.encode()
    encoded = [base64.b64encode(raw[offset:]).decode()[4:-4] for offset in range(3)]
    body = "".join(lines)
    try:
        binary = base64.b64decode(body, validate=True)
    except ValueError:
        binary = raw
    return Canary((*lines, body, *encoded, binary.hex(), repr(binary)[2:-1]))


def canary_secret(name: str) -> tuple[dict[str, Any], Canary]:
    """Return a TLS Secret of namespace infra and what its key would be recognised by, in both of its PEM forms.

    Known to everybody are its certificate, and what any key of its kind begins with.
    """
    key, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    item = secret(name, key=key)
    del item["metadata"]["resourceVersion"]
    certificate = canary_of(base64.b64decode(item["data"]["tls.crt"]).decode())
    return item, Canary(_forms(key), (*_forms(other), *certificate.forms))


def _forms(key: ec.EllipticCurvePrivateKey) -> tuple[str, ...]:
    forms = [str(key.private_numbers().private_value), f"{key.private_numbers().private_value:064x}"]
    for form in (serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL):
        pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
        forms.extend(canary_of(pem).forms)
    return tuple(forms)


def told(error: BaseException) -> str:
    """Return all that a traceback of an exception says, with every exception behind it, shown or not."""
    return "".join(traceback.format_exception(error)) + "".join(map(repr, _behind(error)))


def _behind(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def written(values: Iterable[Any]) -> str:
    """Return values as a log or a debugger would print them."""
    return "\n".join(repr(dataclasses.asdict(one)) if dataclasses.is_dataclass(one) else repr(one) for one in values)  # type: ignore[arg-type]
