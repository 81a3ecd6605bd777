"""The scan: counts by place and interval in, clusters with their significance out; no files, no clock."""

from cityward.know.scan.search import Cluster, Design, Found, scan
from cityward.know.scan.study import Study

__all__ = ["Cluster", "Design", "Found", "Study", "scan"]
