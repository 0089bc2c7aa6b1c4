"""TLS towards the database, from PEM text as it stands in secrets."""

from __future__ import annotations

import ssl
import tempfile

from dcp_pipeline.database.errors import LedgerError
from dcp_pipeline.tls import TlsSettings


def ssl_context(settings: TlsSettings) -> ssl.SSLContext:
    """The context of a client.

    Raises LedgerError where a PEM text is none, naming which.
    """
    try:
        context = ssl.create_default_context(cadata=settings.ca)
    except (ssl.SSLError, ValueError) as error:
        raise LedgerError(f"tls.ca is no PEM certificate: {error}") from None
    # Authorities that databases make for themselves often lack what the strict mode of Python 3.13 asks for.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if settings.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.cert:
        _load_pair(context, settings.cert, settings.key or settings.cert)
    return context


def _load_pair(context: ssl.SSLContext, cert: str, key: str) -> None:
    """OpenSSL takes a client's pair from files only: private ones, gone as soon as they are read."""
    with (
        tempfile.NamedTemporaryFile("w", prefix="dcp-") as cert_file,
        tempfile.NamedTemporaryFile("w", prefix="dcp-") as key_file,
    ):
        cert_file.write(cert)
        cert_file.flush()
        key_file.write(key)
        key_file.flush()
        try:
            context.load_cert_chain(cert_file.name, key_file.name, password="")
        except (ssl.SSLError, OSError) as error:
            raise LedgerError(f"tls.cert and tls.key are no matching PEM pair: {error}") from None
