"""What a model looks at, and whether a data set could be answered without lungs.

Takes models, films and their truth; gives an `Audit`. After DeGrave et al. 2021 (shortcuts, doi
10.1038/s42256-021-00338-7), Choe et al. 2020 (what image labels alone localize, and against which
baselines, arXiv 2001.07437) and Saporta et al. 2022 (maps against radiologists' marks, doi
10.1038/s42256-022-00536-x).
"""

from tbspot.audit.run import AuditSettings, audit
from tbspot.records.audit import AUDIT_FILE, Audit

__all__ = ["AUDIT_FILE", "Audit", "AuditSettings", "audit"]
