"""Where the person at this terminal is signed in: a file of their own, mode 0600, and no other.

Law: a token goes to the gateway that lent it, over TLS or on this machine, and is never printed.
"""

import os
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from hemostat.identity.kept import Kept
from schemas.base import Frozen, Utc
from schemas.errors import BadInput, ConfigurationError

_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class Login(Frozen):
    """One gateway and the token that it lent; ``ca`` is the authority of its certificate."""

    url: str
    token: str
    person: str
    expires_at: Utc | None = None
    """None where the gateway did not say."""
    ca: Path | None = None


class Logins(Frozen):
    """All gateways, by address; ``current`` is the one that commands ask."""

    current: str | None = None
    servers: dict[str, Login] = {}


def logins() -> Kept[Logins]:
    """Return the file: ``$XDG_STATE_HOME/hemostat/login.json``, else under ``~/.local/state``."""
    told = os.environ.get("XDG_STATE_HOME", "")
    state = Path(told) if Path(told).is_absolute() else Path.home() / ".local" / "state"
    return Kept(state / "hemostat" / "login.json", Logins)


def address(url: str) -> str:
    """Return *url* as a gateway's address; raises ``BadInput`` for what a token must not go to."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    plain = not (parts.query or parts.fragment or "@" in parts.netloc or not url.isprintable())
    if not host or not plain or parts.scheme not in ("https", "http"):
        raise BadInput(
            "this is no gateway's address",
            where="--server",
            next_step="as in https://hemostat.example, without user, query or fragment.",
        )
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise BadInput(
            "a token does not go over plain http to another machine",
            where="--server",
            next_step="give its https:// address.",
        )
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def on_this_machine(url: str) -> bool:
    """Whether the gateway is on this machine."""
    return urlsplit(url).hostname in _LOOPBACK


def keep(login: Login) -> None:
    """Keep *login*; from now on commands ask its gateway."""
    logins().change(
        lambda all_: Logins(current=login.url, servers={**all_.servers, login.url: login})
    )


def forget(url: str) -> None:
    """Forget the token of one gateway."""

    def without(all_: Logins) -> Logins:
        rest = {other: login for other, login in all_.servers.items() if other != url}
        return Logins(current=None if all_.current == url else all_.current, servers=rest)

    logins().change(without)


def login_at(server: str | None) -> Login | None:
    """Return the login at *server*, else at the current one; None: nobody is signed in at all."""
    kept = logins().read()
    url = address(server) if server else kept.current
    if url is None:
        return None
    login = kept.servers.get(url)
    if login is None:
        raise ConfigurationError(
            "you are not signed in there", where=url, next_step=f"`hemostat login {url}`."
        )
    return login
