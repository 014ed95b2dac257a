"""File formats of ground truth and detections: one folder per format, one row each in `table`.

To add a format, make a folder with a reader, a writer and a `format.py` that says how its files are
recognized; then add a row to `FORMATS` in `table.py`. Loading, saving and converting follow it.
"""
