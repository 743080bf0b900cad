"""Whatever a handler raises, as an answer.

The rule kept here: a client is told one of the contract's sentences and nothing else. What happened
goes to the log, of a client's fault one line, of ours the traceback.
"""

import logging
from collections.abc import Awaitable

from restore.contract import Refusal
from restore.http.body import ClientGone
from restore.http.http11 import ProtocolError
from restore.http.responses import Response, refused

log = logging.getLogger("restore")

_DETAIL_CHARS = 500  # of a refusal, in the log


async def settle(answer: Awaitable[Response]) -> Response:
    """An awaited answer, whatever it raises but ClientGone."""
    try:
        return await answer
    except Refusal as refusal:
        return told(refusal)
    except ProtocolError as error:
        return refused(refusal_of(error))
    except ClientGone:
        raise
    except Exception:
        return internal_error()


def told(refusal: Refusal) -> Response:
    """The answer to a request that is refused; the log is told what the client isn't."""
    if refusal.detail:
        log.info("refused with %s: %s", refusal.code, _one_line(refusal.detail))
    return refused(refusal)


def refusal_of(error: ProtocolError) -> Refusal:
    """The refusal of what is no request; its detail is a sentence of the parser's own."""
    return Refusal(error.code, detail=error.reason)


def internal_error() -> Response:
    """For an exception that nobody foresaw; call it where it was caught."""
    log.exception("a request could not be answered")
    return refused(Refusal("internal_error"))


def _one_line(text: str) -> str:
    return text.encode("unicode_escape").decode("ascii")[:_DETAIL_CHARS]
