"""What every answer says to the browser: nothing from elsewhere, nothing inline, no frame, nothing kept."""

from __future__ import annotations

from urllib.parse import urlsplit

SAFE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def same_origin(fetch_site: str | None, origin: str | None, host: str | None) -> bool:
    """Whether a form was sent by one of our own pages, as the browser says. Browsers send at least Origin with it."""
    if fetch_site is not None and fetch_site not in ("same-origin", "none"):
        return False
    try:
        return origin is not None and bool(host) and urlsplit(origin).netloc.lower() == (host or "").lower()
    except ValueError:  # http://[
        return False
