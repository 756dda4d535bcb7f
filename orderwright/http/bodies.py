"""Reads a request's body, never more of it than is allowed."""

import falcon

from orderwright.http.problems import refusal


def read_body(req: falcon.Request, limit: int) -> bytes:
    """Return the body, whether its length was announced or it came in chunks.

    Raises:
        RequestRefused: `body_too_large`; it is longer than `limit` bytes.
    """
    if (req.content_length or 0) > limit:
        raise refusal("body_too_large", limit=str(limit))
    stream = req.stream if req.env.get("wsgi.input_terminated") else req.bounded_stream
    body: bytes = stream.read(limit + 1)
    if len(body) > limit:
        raise refusal("body_too_large", limit=str(limit))
    return body
