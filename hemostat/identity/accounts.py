"""Accounts of this machine: the way in where no provider is configured.

A new account has a one-time secret, shown once; with it people choose their own password, and may
add passkeys. An account's name is the person's id in hemostat.toml.
"""

from collections.abc import Callable
from typing import Literal

from hemostat.identity.kept import Kept
from hemostat.identity.secrets import NOBODYS, hashed, matches, one_time_secret
from schemas.base import Frozen, Name, Utc
from schemas.errors import BadInput

ROLES_OF_ONE_OPERATOR = (
    "ciso",
    "commander",
    "comms",
    "counsel",
    "data-owner",
    "deputy-commander",
    "deputy-counsel",
    "deputy-legal",
    "dpo",
    "executive",
    "general-counsel",
    "hr",
    "legal",
    "legal-counsel",
    "ml-lead",
    "ml-on-call",
    "ml-secondary",
    "secops",
    "security-lead",
    "security-on-call",
    "service-owner",
    "trust-and-safety",
)
"""What the first account holds where hemostat.toml declares no roles."""


class Passkey(Frozen):
    """A WebAuthn credential; ids and keys in base64url."""

    id: str
    public_key: str
    sign_count: int
    added_at: Utc


class Account(Frozen):
    """One person's way in; ``one_time`` until they have chosen a password of their own."""

    name: Name
    roles: tuple[Name, ...] = ()
    kind: Literal["person", "auditor"] = "person"
    secret: str
    one_time: bool = True
    passkeys: tuple[Passkey, ...] = ()

    def __repr__(self) -> str:
        return f"Account({self.name})"


class AccountBook(Frozen):
    """All accounts, by name."""

    accounts: dict[Name, Account] = {}


class Accounts:
    """The accounts of this machine."""

    def __init__(self, kept: Kept[AccountBook]) -> None:
        self._kept = kept

    @property
    def none_yet(self) -> bool:
        """Whether no account was ever made."""
        return not self._kept.exists

    def all(self) -> tuple[Account, ...]:
        """Return every account."""
        return tuple(self._kept.read().accounts.values())

    def get(self, name: str) -> Account | None:
        """Return the account of this name, None if there is none."""
        return self._kept.read().accounts.get(name)

    def add(self, name: str, roles: tuple[str, ...] = (), *, auditor: bool = False) -> str:
        """Add an account and return its one-time secret; ``BadInput`` if it exists."""
        secret = one_time_secret()
        account = Account(
            name=name,
            roles=roles,
            kind="auditor" if auditor else "person",
            secret=hashed(secret),
        )

        def with_it(book: AccountBook) -> AccountBook:
            if name in book.accounts:
                raise BadInput("this account exists", where=name, next_step="reset it instead.")
            return AccountBook(accounts={**book.accounts, name: account})

        self._kept.change(with_it)
        return secret

    def reset(self, name: str) -> str:
        """Give a known account a new one-time secret and no passkeys; return the secret."""
        secret = one_time_secret()
        kept = hashed(secret)
        self._change(name, secret=kept, one_time=True, passkeys=())
        return secret

    def remove(self, name: str) -> None:
        """Remove an account: its sessions end with it."""

        def without(book: AccountBook) -> AccountBook:
            if name not in book.accounts:
                raise _unknown(name)
            return AccountBook(accounts={n: a for n, a in book.accounts.items() if n != name})

        self._kept.change(without)

    def verify(self, name: str, secret: str) -> Account | None:
        """Return the account if *secret* is its own; as slow for one that does not exist."""
        account = self.get(name)
        right = matches(secret, account.secret if account else NOBODYS)
        return account if right else None

    def choose(self, name: str, password: str) -> Account:
        """Keep a person's own password: the one-time secret is used up."""
        return self._change(name, secret=hashed(password), one_time=False)

    def add_passkey(self, name: str, passkey: Passkey) -> Account:
        """Keep one more passkey of a known account."""
        return self._edit(
            name, lambda known: known.model_copy(update={"passkeys": (*known.passkeys, passkey)})
        )

    def used_passkey(self, name: str, passkey: Passkey) -> Account:
        """Keep how often a passkey was used by now."""

        def counted(known: Account) -> Account:
            others = [other for other in known.passkeys if other.id != passkey.id]
            return known.model_copy(update={"passkeys": (*others, passkey)})

        return self._edit(name, counted)

    def by_passkey(self, id_: str) -> tuple[Account, Passkey] | None:
        """Return whose passkey this is."""
        for account in self.all():
            for passkey in account.passkeys:
                if passkey.id == id_:
                    return account, passkey
        return None

    def _change(self, name: str, **changes: object) -> Account:
        return self._edit(name, lambda known: known.model_copy(update=changes))

    def _edit(self, name: str, how: Callable[[Account], Account]) -> Account:
        def edited(book: AccountBook) -> AccountBook:
            known = book.accounts.get(name)
            if known is None:
                raise _unknown(name)
            return AccountBook(accounts={**book.accounts, name: how(known)})

        return self._kept.change(edited).accounts[name]


def _unknown(name: str) -> BadInput:
    return BadInput("there is no such account", where=name, next_step="`hemostat accounts list`.")
