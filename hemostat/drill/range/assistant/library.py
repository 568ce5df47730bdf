"""The assistant's documents: found by TF-IDF, fetched from the store for each answer.

Law: the index knows vectors and ids; a text is read with the cloud key of the moment, so an
assistant whose key is dead has nothing to say.
"""

import hashlib
import json
import threading
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from sklearn.feature_extraction.text import TfidfVectorizer

from hemostat.drill.range.assistant.settings import AssistantSettings

_CONFIG: Final = Config(
    retries={"total_max_attempts": 1},
    connect_timeout=3,
    read_timeout=3,
    s3={"addressing_style": "path"},
    proxies={},
)


class StoreRefused(Exception):
    """The document store or the secret store did not give what was asked for."""


class Library:
    """Documents and their index."""

    def __init__(self, settings: AssistantSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._store: Any = None
        self.key_id: str | None = None
        self._ids: list[str] = []
        self._acl: dict[str, str] = {}
        self.digest = ""

    def take_key(self) -> None:
        """Take the key from the secret store anew."""
        identity = json.loads(Path(self._settings.identity_file).read_text(encoding="utf-8"))
        with self._lock:
            try:
                secrets = self._client("secretsmanager", identity)
                held = json.loads(
                    secrets.get_secret_value(SecretId=self._settings.secret)["SecretString"]
                )
                self._store = self._client("s3", held)
            except (ClientError, BotoCoreError) as error:
                raise StoreRefused("the secret store refused") from error
            self.key_id = held["access_key_id"]

    def index(self) -> None:
        """Read everything once and build the index."""
        listed = self._store.list_objects_v2(Bucket=self._settings.bucket, MaxKeys=1000)
        found = [self._fetch(row["Key"]) for row in listed["Contents"]]
        self._ids = [document["id"] for document in found]
        self._acl = {document["id"]: document["acl"] for document in found}
        self._vectorizer = TfidfVectorizer()
        texts = [f"{document['title']} {document['text']}" for document in found]
        self._matrix = self._vectorizer.fit_transform(texts)
        self.digest = hashlib.sha256(json.dumps(sorted(self._acl.items())).encode()).hexdigest()

    def find(self, question: str, groups: frozenset[str] | None, most: int = 2) -> list[str]:
        """Ids of the documents that fit best; with *groups*, of those that they may read."""
        scores = (self._matrix @ self._vectorizer.transform([question]).T).toarray().ravel()
        ranked = sorted(range(len(self._ids)), key=lambda place: -scores[place])
        allowed = (
            self._ids[place]
            for place in ranked
            if scores[place] > 0 and (groups is None or self._acl[self._ids[place]] in groups)
        )
        return [found for found, _ in zip(allowed, range(most), strict=False)]

    def text(self, document: str) -> str:
        """Fetch a document's text. Raises :class:`StoreRefused`."""
        try:
            return str(self._fetch(f"{document}.json")["text"])
        except (ClientError, BotoCoreError) as error:
            raise StoreRefused("the document store refused") from error

    def confidential(self, document: str) -> bool:
        """Whether not everybody may read it."""
        return self._acl.get(document) != "all"

    def _fetch(self, key: str) -> dict[str, Any]:
        body = self._store.get_object(Bucket=self._settings.bucket, Key=key)["Body"].read()
        document: dict[str, Any] = json.loads(body)
        return document

    def _client(self, service: str, key: dict[str, str]) -> Any:
        session = boto3.Session(
            key["access_key_id"], key["secret_access_key"], region_name=self._settings.region
        )
        return session.client(  # type: ignore[call-overload]  # the stubs want a literal name
            service, endpoint_url=self._settings.cloud_url, config=_CONFIG
        )
