"""Tables: votes in, ratings and labels out."""

__version__ = "0.1.0"
