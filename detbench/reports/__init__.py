"""Reports: what people look at: tables, plots, one HTML page, and files for CI."""
