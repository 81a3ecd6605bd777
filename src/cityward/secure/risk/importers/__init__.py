"""Inventories of other programs as assets: a list in CSV, a bill of materials (CycloneDX), a scan (Nmap)."""
