"""The routes: request to response.

It knows the contract, the storage and the jobs; it knows no socket, no SQL and no Pillow.

    handlers    one function a route
    doors       host names, origins and tokens: who may ask at all
    details     what is known of a job and of models beyond the contract
    metrics     what the server counts, as Prometheus reads it
    pages       the web page
    idempotency one job of an upload sent again under its key
    results     a result, whole or in part
    waiting     polls that wait for their job's end
    uploads     from the first byte of a form to a job on disk
    form        the parts of a form to an image and the fields' texts
    ratelimit   the token bucket
    limits      what one upload may cost
"""

from restore.api.details import Offered
from restore.api.handlers import Handlers
from restore.api.metrics import Metrics, MetricsMissing, Sources
from restore.api.uploads import Uploads

__all__ = [
    "Handlers",
    "Metrics",
    "MetricsMissing",
    "Offered",
    "Sources",
    "Uploads",
]
