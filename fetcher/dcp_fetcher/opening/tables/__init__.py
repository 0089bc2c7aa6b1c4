"""Tables as ndjson: a row is a line. In comes a workbook or a Parquet file, out come its rows with exact values."""
