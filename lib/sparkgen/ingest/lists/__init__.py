"""Image files that something beside them names: a list of paths, or the members of a WebDataset sample.

    listed        files that a CSV or JSON-lines list names, with class and split
    webdataset    samples of a tar: a picture, and a member with its class
    guess         the list that lies in a folder which `sparkgen inspect` looks at

Read `listed.py` first. Lists themselves are read by `files/path_list.py`.
"""
