"""Whatever a handler raises, as an answer.

Rule: a client reads one of the contract's sentences and nothing else. What happened goes to the
log, of a client's fault one line, of ours the traceback.
"""

import logging
from collections.abc import Awaitable

from restore.contract import Refusal
from restore.http.http11 import ProtocolError
from restore.http.responses import Response, refused
from restore.http.writer import ClientGone

log = logging.getLogger("restore")

_DETAIL_CHARS = 500  # of a refusal, in the log


async def settle(answer: Awaitable[Response], request_id: str) -> Response:
    """An awaited answer, whatever it raises but ClientGone."""
    try:
        return await answer
    except ClientGone:
        raise
    except Exception as error:
        return answer_to(error, request_id)


def answer_to(error: Exception, request_id: str) -> Response:
    """The answer to a request whose handler raised `error`; nobody foresaw what is no refusal.

    What the log says of it names the request.
    """
    if isinstance(error, ProtocolError):
        return refused(refusal_of(error))
    if isinstance(error, Refusal):
        if error.detail:
            log.info(
                "request %s refused with %s: %s", request_id, error.code, _one_line(error.detail)
            )
        return refused(error)
    log.error("request %s could not be answered", request_id, exc_info=error)
    return refused(Refusal("internal_error"))


def refusal_of(error: ProtocolError) -> Refusal:
    """The refusal of what is no request; its detail is a sentence of the parser's own."""
    return Refusal(error.code, detail=error.reason)


def _one_line(text: str) -> str:
    return text.encode("unicode_escape").decode("ascii")[:_DETAIL_CHARS]
