"""Fixtures of results as DICOM."""

from results import answered, case, drawn_pixels, refused, write_film  # noqa: F401
