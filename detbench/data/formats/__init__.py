"""File formats: one folder for each, with its reader and writer; `table` lists them all."""
