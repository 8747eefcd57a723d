"""Fetches source files that are missing, from where `dataset.download` says.

    download    which files are missing
    fetch       one file: asked for until it is whole, checked, and only then given its name
    part        the hidden file of what has come so far, and who writes it
    web         one answer of a web server

Read `download.py` first.
"""
