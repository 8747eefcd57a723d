"""Looks at what is at a path, for `sparkgen inspect`.

In comes a path. Out goes what there is: its kind, its files and how they begin; and of the records that a
format makes of it how many there are, of which classes, and what some of them look like.

    look                        the files at a path, how they begin
    split_files, shape_guess    files of several splits told apart; the shape of so many numbers
    survey, glance              the records counted; some pictures decoded

Read `look.py` first. A source format recognises itself by what a `Look` shows: `recognise` in
`ingest/source.py`.
"""
