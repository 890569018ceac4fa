"""Results as DICOM: what an archive keeps beside the film and a viewer shows.

Takes a DICOM film and what was said of it; gives a secondary capture, a segmentation and a
structured report in the film's study, and sends them. Needs the extra `hospital`.
"""

from tbspot.hospital.results import files_of, results_of, to_dicom

__all__ = ["files_of", "results_of", "to_dicom"]
