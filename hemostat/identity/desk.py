"""Who a request is from, and all that other parts of the house need of identity.

``Identity`` is made once from hemostat.toml. ``who`` answers for every request; ``token``,
``refuses`` and ``step_up`` protect forms and grave decisions.
"""

import hmac
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote, urlsplit

import httpx2
from starlette.requests import Request

from hemostat.identity.accounts import Account, AccountBook, Accounts
from hemostat.identity.kept import Kept, secret_bytes
from hemostat.identity.oidc import Oidc, Proven
from hemostat.identity.sealed import SealedCookie
from hemostat.identity.sessions import Revoked, Session, Sessions, end_all, same
from hemostat.identity.tokens import TokenBook, Tokens
from hemostat.keys import SigningKey, gateway_key
from hemostat.settings import Settings, read_secret
from schemas.errors import ConfigurationError
from schemas.who import Who

AUDITOR: Final = "auditor"
_LOCAL: Final = "local:"
_SERVICE: Final = "service:"
_MARGIN: Final = timedelta(minutes=2)
"""A fresh proof that is about to grow old is asked for again, not lost on the way."""


def accounts_of(settings: Settings) -> Accounts:
    """Return the accounts of this machine."""
    return Accounts(Kept(settings.state_folder / "identity" / "accounts.json", AccountBook))


def sign_out(settings: Settings, name: str) -> None:
    """End every session and every token of the account *name*, wherever they are."""
    folder, subject = settings.state_folder / "identity", f"{_LOCAL}{name}"
    end_all(Kept(folder / "revoked.json", Revoked), subject)
    Tokens(Kept(folder / "tokens.json", TokenBook), timedelta()).end_all_of(subject)


class Identity:
    """Everything about who asks, made from ``[identity]``."""

    def __init__(
        self, settings: Settings, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        table = settings.identity
        if table is None:
            raise ConfigurationError(
                "there is no [identity]",
                where=str(settings.file),
                next_step="`hemostat keys create` makes the key that it names.",
            )
        folder = settings.state_folder / "identity"
        cookie_key = secret_bytes(folder / "cookie-key")
        self.table = table
        self.url = table.url or settings.gateway.address
        https = self.url.startswith("https://")
        self._settings = settings
        self.accounts = accounts_of(settings)
        self.flow = SealedCookie("sign-in", cookie_key, https=https)
        self.sessions = Sessions(
            SealedCookie("session", cookie_key, https=https),
            Kept(folder / "revoked.json", Revoked),
            idle=table.session_idle,
            lasts=table.session_lasts,
        )
        self.tokens = Tokens(Kept(folder / "tokens.json", TokenBook), table.token_lasts)
        redirect = f"{self.url}/login/callback"
        self.oidc = Oidc(table.oidc, redirect, transport) if table.oidc else None
        self._services = {name: read_secret(ref) for name, ref in table.services.items()}
        self._key: SigningKey | None = gateway_key(settings)

    @property
    def key(self) -> SigningKey | None:
        """The key with which the gateway speaks for whom it signed in."""
        return self._key

    # Who

    async def who(self, request: Request) -> Who | None:
        """Return whose request this is, None if it is nobody's.

        With the header Authorization, whatever is in it, no cookie is looked at: it is what tells
        a program's request from a browser's.
        """
        given = request.headers.get("authorization")
        if given is not None:
            scheme, _, token = given.strip().partition(" ")
            return self._of_token(token.strip()) if scheme.lower() == "bearer" else None
        session = self._session_of(request)
        if session is None:
            return None
        who = self._still(session.who)
        if who is not None:
            request.scope["hemostat.session"] = session
        return who

    def _session_of(self, request: Request) -> Session | None:
        """The live session of *request*; one that is under way for long does not go idle."""
        begun: Session | None = request.scope.get("hemostat.session")
        if begun is None:
            return self.sessions.read(request)
        return begun if self.sessions.is_live(begun) else None

    def _of_token(self, token: str) -> Who | None:
        given = token.encode("utf-8", "replace")
        for name, secret in self._services.items():
            if hmac.compare_digest(given, secret.encode()):
                return Who(
                    person=name,
                    subject=f"{_SERVICE}{name}",
                    roles=(),
                    method="token",
                    authenticated_at=datetime.now(UTC),
                    kind="service",
                )
        issued = self.tokens.whose(token)
        return self._still(issued.who) if issued else None

    def _still(self, who: Who) -> Who | None:
        """Return *who* with the roles of today; None if their account is gone."""
        given = {role for roles in self.table.groups.values() for role in roles}
        roles = tuple(role for role in who.roles if role in given)
        if who.subject.startswith(_LOCAL):
            account = self.accounts.get(who.subject.removeprefix(_LOCAL))
            if account is None or not self.table.local_accounts:
                return None
            return self.who_of(account.name, who.subject, self._account_roles(account), who)
        if datetime.now(UTC) >= self.holds_until(who):
            return None
        return self.who_of(who.person, who.subject, roles, who)

    def holds_until(self, who: Who) -> datetime:
        """Return until when *who* need not sign in anew, whatever else they carry lasts.

        Roles by a provider's groups hold for a time after the sign-in that told of them. Then the
        whole sign-in is over: somebody who goes on with fewer roles would find that out at a gate.
        """
        by_groups = bool(who.roles) and not who.subject.startswith(_LOCAL)
        end = datetime.max.replace(tzinfo=UTC)
        return who.authenticated_at + self.table.groups_hold if by_groups else end

    def who_of(self, person: str, subject: str, roles: tuple[str, ...], proof: Who) -> Who:
        """Return *proof* as that of *person* with every role they have: declared, or given."""
        declared = {
            name
            for name, role in self._settings.roles.items()
            if person in (*role.primary, *role.deputies)
        }
        held = {*declared, *roles}
        auditor = AUDITOR in held or person in self.table.auditors
        changes = {
            "person": person,
            "subject": subject,
            "roles": tuple(sorted(held)),
            "kind": AUDITOR if auditor else "person",
        }
        return proof.model_copy(update=changes)

    def _account_roles(self, account: Account) -> tuple[str, ...]:
        if account.kind == AUDITOR:
            return (AUDITOR,)
        return () if self._settings.roles else account.roles

    def local(self, account: Account, method: str) -> Who:
        """Return who just proved to be the holder of a local account."""
        now, subject = datetime.now(UTC), f"{_LOCAL}{account.name}"
        proof = Who(
            person=account.name,
            subject=subject,
            roles=(),
            method=method,
            authenticated_at=now,
            stepped_up_at=now,
        )
        return self.who_of(account.name, subject, self._account_roles(account), proof)

    def known(self, proven: Proven) -> Who | None:
        """Return who the provider's subject is here, with the roles of their groups alone.

        None if nobody is. What hemostat.toml declares of them is added at each use.
        """
        if proven.subject.startswith((_LOCAL, _SERVICE)):
            return None  # whatever the provider lets people be called, it is no account of ours
        by_subject = {subject: person for person, subject in self.table.subjects.items()}
        person = by_subject.get(proven.subject) or proven.person
        if person is None or not _is_a_name(person):
            return None
        claimed_by_name = proven.subject not in by_subject
        if claimed_by_name and person in self.table.subjects:
            return None  # that person has another subject
        given = {role for group in proven.groups for role in self.table.groups.get(group, ())}
        return Who(
            person=person,
            subject=proven.subject,
            roles=tuple(sorted(given)),
            method="oidc",
            authenticated_at=proven.authenticated_at,
            stepped_up_at=proven.afresh_at,
        )

    # Forms and grave decisions

    def session(self, request: Request) -> Session | None:
        """Return the browser's session, None where there is none."""
        return self.sessions.read(request)

    def token(self, request: Request) -> str:
        """Return what a form of this session has to carry."""
        session = self.session(request)
        return session.csrf if session else ""

    async def refuses(self, request: Request, token: str) -> bool:
        """Whether a form that carries *token* was not sent from our own page.

        A request with a bearer token is no browser's form: nobody else can have it sent.
        """
        if request.headers.get("authorization") is not None:
            return await self.who(request) is None
        session = self.session(request)
        return session is None or self.foreign(request) or not same(token, session.csrf)

    def foreign(self, request: Request) -> bool:
        """Whether the browser says that another site sent this request."""
        site = request.headers.get("sec-fetch-site")
        if site is not None and site not in ("same-origin", "none"):
            return True
        origin = request.headers.get("origin")
        if origin is None:
            return False
        ours = {urlsplit(self.url).netloc, request.headers.get("host", "")}
        return urlsplit(origin).netloc not in ours - {""}

    def step_up(self, request: Request, who: Who, back: str) -> str | None:
        """Return where to prove again who decides; None if that was proven just now."""
        within = self.table.step_up_within
        margin = min(_MARGIN, within / 5)
        at = who.stepped_up_at
        if at is not None and datetime.now(UTC) - at <= within - margin:
            return None
        return f"/step-up?next={quote(here(back))}"


def here(path: str, otherwise: str = "/") -> str:
    """Return *path* if it is a path of this server, else *otherwise*: no redirect leads away."""
    if not (path.startswith("/") and path.isascii() and path.isprintable()):
        return otherwise
    parts = urlsplit(path)
    leads_away = path.startswith("//") or "\\" in path or parts.scheme or parts.netloc
    return otherwise if leads_away else path


def _is_a_name(text: str) -> bool:
    plain = text.isascii() and text[:1].isalnum() and text.replace("-", "a").isalnum()
    return plain and text == text.lower() and len(text) <= 63
