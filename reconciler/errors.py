"""Every exception that routewright raises on purpose.

::

    ReconcilerError
    |- TransientError(retry_after)   back to the queue; status says Pending
    |   |- Throttled                 the cloud or the API server asked us to slow down
    |   |- Unavailable               5xx, time-out, a failed list: we know nothing, so we conclude nothing
    |   |- Conflict                  somebody wrote in between: read again and compute again
    |   '- NotReady                  the other side needs time (provisioning, eventual consistency)
    '- TerminalError                 condition + alarm; the next resync looks again
        |- PermissionDenied
        |- QuotaExceeded
        |- Misconfigured             a name that is taken, a missing subnet, an invalid setting
        |   '- InvalidCertificate    a certificate that the cloud does not take
        '- UnsafePlan                the plan would destroy what nobody asked to destroy

A user's mistake is not an exception but a `Problem` (reconciler.gatewayapi.graph); a cloud's "cannot" is a `Rejection`
(reconciler.ir). Anything else that is raised is a bug and is caught nowhere below the function's handler.
Messages are stable: no request ids, no times, no secrets, nothing that names an account, so that they may stand in a
condition. What the other side said in full is in `detail`, for logs.
"""

from __future__ import annotations


class ReconcilerError(Exception):
    """Root of everything routewright raises on purpose.

    Attributes:
        detail: what the other side said, with the ids that a message leaves out; "" if it left out nothing. For logs
            and comparisons, never for a condition.
    """

    detail: str = ""

    @property
    def message(self) -> str:
        """Stable text, fit for a condition."""
        return str(self)


class TransientError(ReconcilerError):
    """Trying again later may succeed without anybody changing anything.

    Attributes:
        retry_after: seconds to wait before the next try, when the other side said so.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Throttled(TransientError):
    """Too many calls."""


class Unavailable(TransientError):
    """No answer that could be trusted."""


class Conflict(TransientError):
    """The object changed between our read and our write."""


class NotReady(TransientError):
    """It exists but cannot be used yet."""


class TerminalError(ReconcilerError):
    """Trying again is useless until somebody changes something."""


class PermissionDenied(TerminalError):
    """Our identity may not do this."""


class QuotaExceeded(TerminalError):
    """The cloud's limit is reached."""


class Misconfigured(TerminalError):
    """A setting, a name or a foreign resource stands in the way."""


class InvalidCertificate(Misconfigured):
    """The cloud does not take a listener's certificate."""


class UnsafePlan(TerminalError):
    """The plan would delete more than anybody asked for."""
