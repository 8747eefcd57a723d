"""CSV files with a picture in each line, a column for each pixel.

    columns    which columns there are
    lines      the blocks of a file parsed; what is wrong with a bad line

Read `columns.py` first.
"""
