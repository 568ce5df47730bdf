"""What left as mail in a drill: read from the pickup folder as the mail system would."""

from email import policy
from email.parser import BytesParser
from pathlib import Path


def sent(outbox: Path) -> list[tuple[str, str]]:
    """Each mail's address and text."""
    found = []
    for file in sorted(outbox.glob("*.eml")):
        mail = BytesParser(policy=policy.SMTP).parsebytes(file.read_bytes())
        body = mail.get_body(("plain",))
        found.append((str(mail["To"]), str(body.get_content()) if body else ""))
    return found
