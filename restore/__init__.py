"""restore: one small HTTP service that gives an old or poor photo back better."""

__version__ = "0.1.0"
