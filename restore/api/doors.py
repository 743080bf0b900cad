"""Who may ask at all: host names, origins of web pages, tokens.

It decides by a request's head alone, before anything else looks at it; what a client may do after
that is not asked here.
"""

import hmac

from restore.config import Config
from restore.contract import OPEN_PATHS, Refusal
from restore.http import Exchange, Headers, Request, host_allowed, same_origin

# Never Access-Control-Allow-Credentials: a page hands over a token, or it has none.
_EXPOSED = (
    *("Location", "Preference-Applied", "RateLimit", "RateLimit-Policy", "Restore-Error-Code"),
    *("Retry-After", "X-Request-Id"),
)
_CORS: Headers = (("Access-Control-Expose-Headers", ", ".join(_EXPOSED)),)
_PREFLIGHT: Headers = (
    ("Access-Control-Allow-Methods", "GET, POST, DELETE"),
    ("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, Prefer, Range"),
    ("Access-Control-Max-Age", "600"),
)
_SHOWN_CHARS = 255  # of a name that was asked for: DNS has no longer ones


class Doors:
    """Looks at every request; built once, from the settings."""

    def __init__(self, config: Config) -> None:
        self._checks_host = config.listens_on_loopback or bool(config.allowed_hosts)
        own = {"localhost", config.base_url_host or "localhost"}
        self._host_names = frozenset(own | config.allowed_hosts)
        self._origins = config.cors_origins
        self._tokens = [f"Bearer {token}".encode() for _, token in config.api_tokens]

    def check_browser(self, request: Request) -> None:
        """The host name and, of what changes something, the page. Raises Refusal (421, 403)."""
        if self._checks_host and not host_allowed(request.host, self._host_names):
            host = request.host[:_SHOWN_CHARS]
            raise Refusal(
                "host_not_allowed",
                f"This server doesn't answer under the host name {host}. The settings ALLOWED_HOSTS"
                " and RESULT_BASE_URL say under which it does.",
                detail=f"Host {host}; ALLOWED_HOSTS or RESULT_BASE_URL would let it in",
            )
        if request.method in ("POST", "DELETE") and not (
            same_origin(
                request.host, request.headers.get("origin"), request.headers.get("sec-fetch-site")
            )
            or self._allowed_origin(request)
        ):
            origin = (request.headers.get("origin") or "another site")[:_SHOWN_CHARS]
            host = request.host[:_SHOWN_CHARS]
            raise Refusal(
                "cross_origin",
                f"Requests from other web sites are not accepted: this one is from {origin}, and"
                f" its Host is {host}. The setting CORS_ORIGINS lets other sites in; a proxy has to"
                " pass the Host on.",
                detail=f"Origin {origin}, Host {host}; CORS_ORIGINS would let it in",
            )

    def check_token(self, request: Request) -> None:
        """One of API_TOKENS (RFC 6750), but for those who ask whether the server lives.

        Raises Refusal (401).
        """
        if not self._tokens or request.path in OPEN_PATHS or request.method == "OPTIONS":
            return
        scheme, _, token = (request.headers.get("authorization") or "").partition(" ")
        given = f"{scheme.capitalize()} {token.strip()}".encode()
        # All are compared, each in constant time: how long it takes tells nothing.
        if not sum([hmac.compare_digest(given, own) for own in self._tokens]):
            raise Refusal("unauthorized", headers=(("WWW-Authenticate", 'Bearer realm="restore"'),))

    def headers(self, exchange: Exchange) -> Headers:
        """What each answer gets beside its own: what CORS asks for."""
        if not self._origins:
            return ()
        headers: Headers = (("Vary", "Origin"),)
        if origin := self._allowed_origin(exchange.request):
            headers = (*headers, ("Access-Control-Allow-Origin", origin), *_CORS)
            if exchange.request.method == "OPTIONS":
                headers = (*headers, *_PREFLIGHT)
        return headers

    def _allowed_origin(self, request: Request) -> str:
        """The Origin of a page that may ask (CORS_ORIGINS), else nothing."""
        origin = request.headers.get("origin") or ""
        return origin if origin.lower() in self._origins else ""
