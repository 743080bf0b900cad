"""A client of the restore server in one file, on the standard library alone.

    client = RestoreClient("http://127.0.0.1:8000")
    client.restore("old.jpg", "better.jpg", strength=0.8)

Copied alone into another project it works there as it does here. Every wait has a bound.

Rule: one call makes one job. A photo is sent again only where the upload before can't have become
one (it was refused, or its last byte never left), or where the server heeds `Idempotency-Key`.
"""

import json
import os
import secrets
import selectors
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from email.utils import parsedate_to_datetime as date
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from io import BytesIO
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypedDict, TypeVar, Unpack, cast, overload
from urllib.parse import quote, urlsplit

DEFAULT_URL = "http://127.0.0.1:8000"
POLL_PAUSES_S = (0.2, 0.4, 0.8, 1.5)  # the last is repeated, in both
RETRY_PAUSES_S = (0.2, 0.5, 1.0, 2.0, 4.0)
CONTACT_S = 3.0  # before a job is promised: rather a wrong address than a server that restarts
HOLD_S, HOLD_WATCHED_S = 20, 1  # that the server may hold a poll; shorter where progress is watched
CANCEL_S = 0.8  # for taking back a job on Ctrl-C
CHUNK_BYTES, ANSWER_CHUNKS = 64 * 1024, 16  # at once; that JSON may take, descriptions included
StrPath = str | os.PathLike[str]
Image = StrPath | BinaryIO  # a file is open in binary mode and can seek; it stays open
# Is told "uploading", "queued", "running" or "succeeded", and how much of that is done, 0.0..1.0.
OnProgress = Callable[[str, float], object] | None
T = TypeVar("T")


class Wishes(TypedDict, total=False):
    """`strength` 0.1..1.0, `upscale` 1, 2 or 4, `model_id`: without it, the server's default."""

    strength: float | None
    upscale: int | None
    model_id: str | None
    on_progress: OnProgress


class Job(NamedTuple):
    """How a job stood when it was asked about, in the server's own words."""

    job_id: str
    status: str
    progress: float = 0.0
    result_url: str | None = None
    error: str | None = None


class RestoreError(Exception):
    """All that goes wrong with the server; its text says to the user what, and what to do."""

    code = ""  # the server's word for it
    status = 0  # HTTP's
    retry_after: float | None = None  # seconds, where the server told
    again = False  # the same call may well succeed later
    job: Job | None = None  # the one that it is about

    def __init__(self, sentence: str, **told: Any) -> None:
        super().__init__(sentence)
        vars(self).update(told)


class ConnectionFailed(RestoreError):  # noqa: N818  (these names say what happened)
    """No restore server answers there, for longer than this client has patience."""


class AnswerLost(ConnectionFailed):
    """The whole photo was sent and no answer came: there may be a job of it, or none."""


class Refused(RestoreError):  # noqa: N818
    """The server said no; without a `code` it was a proxy in front of it."""


class RateLimited(Refused):
    """Too many uploads for now."""


class NotFound(Refused):
    """There is no such job or result: cancelled, expired, or never there."""


class JobFailed(RestoreError):  # noqa: N818
    """The photo couldn't be restored."""


class Timeout(RestoreError):  # noqa: N818
    """The job hasn't ended in the time given. It goes on: `wait(error.job)` takes it up again."""


class RestoreClient:
    """One server. It holds nothing open between two calls, and threads may share it.

    `url`: where it is, with a path where it lies under one; else the environment's RESTORE_URL,
    else port 8000 of this machine. `token`: a bearer token. `timeout`: seconds for one step on the
    network. `patience`: seconds for which a server that is away or busy is tried again. Raises
    ValueError where `url` is no address.
    """

    def __init__(
        self, url: str | None = None, *, token: str = "", timeout: float = 30, patience: float = 120
    ) -> None:
        self.url = (url or os.environ.get("RESTORE_URL") or DEFAULT_URL).rstrip("/")
        self.timeout, self.patience = timeout, patience
        parts = urlsplit(self.url)
        kind = {"http": HTTPConnection, "https": HTTPSConnection}.get(parts.scheme)
        if kind is None or not parts.hostname or set("?#@ ") & set(self.url):
            raise ValueError(f"{self.url!r} is no address such as {DEFAULT_URL}")
        self._connection = partial(kind, parts.hostname, parts.port)
        self._prefix = quote(parts.path, safe="/%")
        self._headers = {"Connection": "close"}
        self._headers |= {"Authorization": f"Bearer {token}"} if token else {}

    @overload
    def restore(self, image: Image, **wishes: Unpack[Wishes]) -> bytes: ...
    @overload
    def restore(self, image: Image, to: StrPath, **wishes: Unpack[Wishes]) -> Path: ...
    def restore(self, image: Image, to: Any = None, **wishes: Unpack[Wishes]) -> Any:
        """`submit`, `wait` and `download` in one, with what each of them takes and raises. Ctrl-C,
        and an exception that `on_progress` raises, cancel the job."""
        job = done = self.submit(image, **wishes)
        try:
            done = self.wait(job, wishes.get("on_progress"))
            return self.download(done, to)
        except BaseException as error:
            if not isinstance(error, RestoreError if done is job else (RestoreError, OSError)):
                with suppress(RestoreError):
                    hurried = RestoreClient(self.url, timeout=CANCEL_S, patience=0)
                    hurried._headers = self._headers
                    hurried.cancel(job)
            raise

    def submit(self, image: Image, **wishes: Unpack[Wishes]) -> Job:
        """Upload a photo, from where its file stands; its job, which the server promised to do.
        Raises OSError where it can't be read, Refused, AnswerLost, ConnectionFailed."""
        named = isinstance(image, str | os.PathLike)
        with Path(cast(StrPath, image)).open("rb") if named else nullcontext(image) as file:
            form = _Form(cast(BinaryIO, file), wishes)
            return self._persist(partial(self._upload, form), min(self.patience, CONTACT_S))

    def wait(self, job: Job | str, on_progress: OnProgress = None, timeout: float = 3600) -> Job:
        """Wait until the job has succeeded, over dropped connections and restarts of the server.
        Raises JobFailed; Timeout after `timeout` seconds; NotFound where it was cancelled or has
        expired; ConnectionFailed, Refused."""
        end, pauses = time.monotonic() + timeout, chain(POLL_PAUSES_S, repeat(POLL_PAUSES_S[-1]))
        while True:
            asked = time.monotonic()
            left_s = max(0.0, end - asked)
            hold_s = min(HOLD_WATCHED_S if on_progress else HOLD_S, int(left_s))
            ask = partial(self._ask, "GET", _path(job), hold_s=hold_s)
            response, body = self._persist(ask, min(self.patience, left_s))
            job = _job(response, body)
            if on_progress:
                on_progress(job.status, job.progress)
            if job.status == "succeeded":
                return job
            if (now := time.monotonic()) >= end:
                raise Timeout(f"Job {job.job_id} is still {job.status}.", again=True, job=job)
            if "Preference-Applied" not in response.headers or now - asked < POLL_PAUSES_S[0]:
                time.sleep(min(next(pauses), end - now))  # the server has not waited in our place

    @overload
    def download(self, job: Job | str, to: None = None) -> bytes: ...
    @overload
    def download(self, job: Job | str, to: StrPath) -> Path: ...
    def download(self, job: Job | str, to: StrPath | None = None) -> bytes | Path:
        """The result's bytes; with `to` the path of the file they are written to. It appears whole
        or not at all, replaces what was there, and in a folder gets the server's name. A job that
        hasn't ended is waited for. Raises OSError where `to` can't be written."""
        done = job if isinstance(job, Job) and job.result_url else self.wait(job)
        # The server is where we reach it; result_url may name it as an emulator would.
        name = urlsplit(done.result_url or "").path.rpartition("/outputs/")[2]
        if not name or name[0] == "." or quote(name, safe="") != name:
            raise ConnectionFailed(f"This leads to no /outputs/<file>: {done.result_url!r}")
        fetch = partial(self._ask, "GET", f"/outputs/{name}")
        if to is None:
            self._persist(partial(fetch, into=(memory := BytesIO())), self.patience)
            return memory.getvalue()
        target = Path(to, name) if Path(to).is_dir() else Path(to)
        part = target.with_name(f".restore-{secrets.token_hex(8)}.part")
        try:
            with part.open("xb") as file:
                self._persist(partial(fetch, into=file), self.patience)
            return part.replace(target)
        finally:
            part.unlink(missing_ok=True)

    def cancel(self, job: Job | str) -> None:
        """Stop the job and remove photo and result; one that is gone already is fine."""
        with suppress(NotFound):
            self._persist(partial(self._ask, "DELETE", _path(job)), self.patience)

    def _persist(self, step: Callable[[], T], patience_s: float) -> T:
        """The result of `step`, which is tried again as long as it may be and patience lasts."""
        failing_since, pauses = 0.0, chain(RETRY_PAUSES_S, repeat(RETRY_PAUSES_S[-1]))
        while True:
            try:
                return step()
            except (ConnectionFailed, Refused) as error:
                now, wait = time.monotonic(), max(next(pauses), error.retry_after or 0.0)
                failing_since = failing_since or now
                patience_s = self.patience if error.status else patience_s  # it is there
                if not error.again or now + wait > failing_since + patience_s:
                    raise
            time.sleep(wait)

    def _upload(self, form: "_Form") -> Job:
        try:
            return _job(*self._ask("POST", "/v1/restore", form=form))
        except _OwnError as own:
            raise cast(OSError, own.__cause__) from None
        except (ConnectionFailed, Refused) as error:
            if not form.sent or error.status not in (0, 500, 502, 504):
                raise  # it can't have become a job
            told = b""
            with suppress(RestoreError):
                _, told = self._persist(partial(self._ask, "GET", "/openapi.json"), self.patience)
            if b'"Idempotency-Key"' in told:
                raise
            raise AnswerLost(f"There may be a job of this photo, or not. {error}") from error

    def _ask(
        self, method: str, path: str, hold_s: int = 0, form: "_Form | None" = None, into: Any = None
    ) -> tuple[HTTPResponse, bytes]:
        """One request: its answer and the body, unless that is a result and went `into` a file."""
        headers = self._headers | (form.headers if form else {})
        headers |= {"Prefer": f"wait={hold_s}"} if hold_s else {}
        with closing(self._connection(timeout=self.timeout + hold_s)) as connection:
            with self._failing():
                connection.connect()
                with suppress(ConnectionError, TimeoutError):  # it may have answered early
                    pieces = form.pieces(connection) if form else None
                    connection.request(method, self._prefix + path, pieces, headers)
                response = connection.getresponse()
            if into and response.status < 300:
                into.seek(into.truncate(0))
                into.writelines(self._pieces(response))
                return response, b""
            body = b"".join(islice(self._pieces(response), ANSWER_CHUNKS))
        if response.status >= 300:
            raise _refusal(response, body)
        return response, body

    def _pieces(self, response: HTTPResponse) -> Iterator[bytes]:
        with self._failing():
            while piece := response.read(CHUNK_BYTES):
                yield piece
            if response.length:
                raise IncompleteRead(b"", response.length)

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, HTTPException) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            sentence = f"The server at {self.url} doesn't answer ({reason}). Is it running there?"
            raise ConnectionFailed(sentence, again=True) from error


class _OwnError(Exception):
    """Its cause went wrong on this side while a form was sent: no fault of the network's."""


class _Form:
    """The form of an upload (RFC 7578). `sent`: the photo's last byte has left."""

    def __init__(self, file: BinaryIO, wishes: Wishes) -> None:
        begin = f"--{(boundary := secrets.token_hex(16))}\r\nContent-Disposition: form-data; name="
        self._on_progress = wishes.pop("on_progress", None) or (lambda status, fraction: None)
        given = {name: value for name, value in wishes.items() if value is not None}
        head = "".join(f'{begin}"{name}"\r\n\r\n{value}\r\n' for name, value in given.items())
        head += f'{begin}"image"; filename="photo"\r\nContent-Type: image/*\r\n\r\n'
        self._head, self._tail = head.encode(), f"\r\n--{boundary}--\r\n".encode()
        self._file, self._start, self.sent = file, file.tell(), False
        self._size = file.seek(0, os.SEEK_END) - self._start
        self.headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(self._head) + self._size + len(self._tail)),
            "Idempotency-Key": secrets.token_hex(16),
        }

    def pieces(self, connection: HTTPConnection) -> Iterator[bytes]:
        """The form, piece by piece; it ends early where the server answers early."""
        self.sent, left = False, self._size
        try:
            self._file.seek(self._start)
            yield self._head
            with selectors.DefaultSelector() as answers:
                answers.register(connection.sock, selectors.EVENT_READ)
                plain = not isinstance(connection, HTTPSConnection)  # TLS itself may speak
                while left and not (plain and answers.select(0)):
                    if not (piece := self._file.read(min(CHUNK_BYTES, left))):
                        raise RestoreError("The photo became shorter while it was sent.")
                    left -= len(piece)
                    yield piece
                    self._on_progress("uploading", 1 - left / self._size)
        except OSError as error:
            raise _OwnError from error
        self.sent = not left
        yield self._tail if self.sent else b""


def _path(job: Job | str) -> str:
    return f"/v1/jobs/{quote(job.job_id if isinstance(job, Job) else job, safe='')}"


def _job(response: HTTPResponse, body: bytes) -> Job:
    """The job that an answer tells of. Raises JobFailed, ConnectionFailed."""
    try:
        told = json.loads(body)
        job = Job(**{key: told[key] for key in Job._fields if key in told})
        texts = (job.job_id, job.status, job.result_url or "", job.error or "")
        known = all(isinstance(text, str) for text in texts) and 0 <= job.progress <= 1
    except (ValueError, TypeError, RecursionError):
        known = False
    if not known or job.status not in ("queued", "running", "succeeded", "failed"):
        raise ConnectionFailed(f"No restore server answers there (status {response.status}).")
    if job.status == "failed":
        code = response.headers.get("Restore-Error-Code", "")
        raise JobFailed(job.error or "failed", code=code, again=code != "decode_failed", job=job)
    return job


def _refusal(response: HTTPResponse, body: bytes) -> RestoreError:
    status, code, sentence = response.status, "", f"A proxy answered: {response.status}"
    with suppress(ValueError, TypeError, KeyError, RecursionError):
        told = json.loads(body)
        code, sentence = str(told["code"]), str(told["error"])
    kind = {404: NotFound, 429: RateLimited}.get(status, Refused)
    text, later = response.headers.get("Retry-After", ""), RestoreError.retry_after
    with suppress(ValueError):  # in seconds or as a date (RFC 9110, 10.2.3)
        later = float(text) if text.isdecimal() else max(0, date(text).timestamp() - time.time())
    again = status in (408, 429, 500, 502, 503, 504)
    return kind(sentence, code=code, status=status, again=again, retry_after=later)
