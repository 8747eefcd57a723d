"""libsvm text, one labelled record in each line.

    lines              blocks of whole lines, also of compressed files
    parse, line        a block at a time by NumPy; a line that is odd or bad by plain Python
    seen, evidence     the numbers that were seen; whether they contradict the configuration
    foreign            text of other formats that is taken for libsvm
    look               the scale and the width of some lines, for `sparkgen inspect`

Read `line.py` first: it has the grammar.
"""
