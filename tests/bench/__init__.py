"""Measured side by side: this worker and what people would use instead (`make bench`)."""
