"""What a multi-frame object of one frame says of it in its functional groups.

Takes a header; puts what is said of the frame where objects of one picture say it (PS3.3
C.7.6.16). What the tags mean, and whether they can be used, is left to those who ask for them.
"""

from __future__ import annotations

from pydicom.dataset import Dataset

from tbspot.images.tags import Tags

__all__ = ["GROUP_TAGS", "unfold"]

# What is said of all frames, and of each; the latter is nearer to the one frame.
GROUP_TAGS = ["SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"]
# The groups that are read, each a sequence of one item, and their tags (PS3.3 C.7.6.16.2).
GROUPS = {
    "PixelValueTransformationSequence": ("RescaleSlope", "RescaleIntercept"),
    "FrameVOILUTSequence": ("WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence"),
    "PixelMeasuresSequence": ("PixelSpacing",),
    "FramePixelDataPropertiesSequence": ("ImagerPixelSpacing",),
    "FrameAnatomySequence": ("AnatomicRegionSequence",),
    "PatientOrientationInFrameSequence": ("PatientOrientation",),
}


def unfold(header: Dataset) -> None:
    """Put what the groups of the one frame say into the header itself, over what stands there.

    A group that cannot be read says nothing, nor does a tag in it that is empty.
    """
    for level in GROUP_TAGS:
        of_frame = Tags(header).item(level) or Dataset()
        for group, keywords in GROUPS.items():
            found = Tags(of_frame).item(group) or Dataset()
            for keyword in keywords:
                # As it came: what it holds is read when it is asked for.
                if (tag := found.get_item(keyword)) is not None and tag.value:
                    header[keyword] = tag
