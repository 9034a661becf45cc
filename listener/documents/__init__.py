"""Bytes to normalized text. ``parsers`` is the way in, ``pool`` holds the worker processes that do the work.

Workers import this package, so that it keeps its imports small.
"""
