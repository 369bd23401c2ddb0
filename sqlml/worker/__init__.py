"""The worker: does what was asked for in ``sqlml.job``, outside of the server and with the rights of who asked."""

from sqlml.worker.service import serve
from sqlml.worker.settings import Settings

__all__ = ["Settings", "serve"]
