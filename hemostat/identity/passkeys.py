"""Passkeys (WebAuthn): a key in the person's own device, bound to this site, asked with a touch.

Law: the challenge is ours, sealed in the browser's cookie, and used once; user verification (a
finger, a face, a PIN) is always required; a counter that goes back is a copied key and refused.
"""

import json
from typing import Any, Final
from urllib.parse import urlsplit

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from hemostat.identity.accounts import Account, Passkey
from schemas.base import Utc
from schemas.errors import NotHeld

SITE: Final = "Hemostat"


class PasskeyRefused(NotHeld):
    """What the browser sent is no proof of a passkey."""

    def __init__(self, what: str = "the passkey does not hold") -> None:
        super().__init__(what, where="passkey", next_step="try again, or sign in another way.")


class Passkeys:
    """The ceremonies, for the site at *url*."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._site = parts.hostname or ""

    def to_register(self, account: Account) -> tuple[str, str]:
        """Return the options for the browser, and the challenge to remember."""
        options = generate_registration_options(
            rp_id=self._site,
            rp_name=SITE,
            user_id=account.name.encode(),
            user_name=account.name,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[_known(passkey) for passkey in account.passkeys],
        )
        return options_to_json(options), bytes_to_base64url(options.challenge)

    def registered(self, sent: str, challenge: str, now: Utc) -> Passkey:
        """Return the new passkey; raises ``PasskeyRefused``."""
        try:
            proof = verify_registration_response(
                credential=sent,
                expected_challenge=base64url_to_bytes(challenge),
                expected_rp_id=self._site,
                expected_origin=self._origin,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError, TypeError) as error:
            raise PasskeyRefused from error
        return Passkey(
            id=bytes_to_base64url(proof.credential_id),
            public_key=bytes_to_base64url(proof.credential_public_key),
            sign_count=proof.sign_count,
            added_at=now,
        )

    def to_sign_in(self, account: Account | None = None) -> tuple[str, str]:
        """Return the options for the browser, and the challenge to remember."""
        options = generate_authentication_options(
            rp_id=self._site,
            allow_credentials=[_known(p) for p in account.passkeys] if account else None,
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return options_to_json(options), bytes_to_base64url(options.challenge)

    def signed_in(self, sent: str, challenge: str, passkey: Passkey) -> Passkey:
        """Return the passkey with its new count; raises ``PasskeyRefused``."""
        try:
            proof = verify_authentication_response(
                credential=sent,
                expected_challenge=base64url_to_bytes(challenge),
                expected_rp_id=self._site,
                expected_origin=self._origin,
                credential_public_key=base64url_to_bytes(passkey.public_key),
                credential_current_sign_count=passkey.sign_count,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError, TypeError) as error:
            raise PasskeyRefused from error
        return passkey.model_copy(update={"sign_count": proof.new_sign_count})


def id_in(sent: str) -> str:
    """Return the id of the passkey that the browser says it used; "" if there is none."""
    try:
        found: Any = json.loads(sent)
    except ValueError:
        return ""
    named = found.get("id") if isinstance(found, dict) else None
    return named if isinstance(named, str) else ""


def _known(passkey: Passkey) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(id=base64url_to_bytes(passkey.id))
