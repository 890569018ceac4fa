"""Fixtures of results as DICOM."""

from orthanc import orthanc  # noqa: F401
from results import answered, case, drawn_pixels, refused, write_film  # noqa: F401
