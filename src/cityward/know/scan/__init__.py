"""The scan: where and when there is more than chance explains. Pure: arrays in, clusters out."""

from cityward.know.scan.permutation import Cluster, ScanResult, scan_permutation
from cityward.know.scan.places import distance_order

__all__ = ["Cluster", "ScanResult", "distance_order", "scan_permutation"]
