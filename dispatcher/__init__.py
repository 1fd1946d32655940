"""A Celery worker that tells people their password changed, when their organization wants it."""

__version__ = "0.1.0"
