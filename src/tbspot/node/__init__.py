"""A DICOM node: films in, answers out, nothing lost.

Takes films from units (C-STORE, or files in a folder); gives results in the archive's study of the
film. Every step is on the disk before it counts. Needs the extra `hospital`.
"""

from tbspot.node.settings import NodeSettings

__all__ = ["NodeSettings"]
