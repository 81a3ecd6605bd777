"""The senses: files and messages become batches.

Enters: CSV, Parquet, NDJSON and GeoJSON (also gzipped), MQTT and NATS messages, and a mapping that
says which column is what. Leaves: batches whose every row is either valid or in quarantine with a
reason. Never: writes anything, looks anything up, or lets a row disappear.
"""
