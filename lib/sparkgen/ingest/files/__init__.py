"""Source files, wherever they lie: found by path, opened, decompressed, listed.

In comes a path, a glob or a URI. Out go files with their sizes and times, the members of folders and
archives, and streams of their bytes, the same from disk and from object stores.

    find, folder                 files by path and glob; all files below a folder
    compressed                   streams of compressed files; who reads which blocks of them
    archives, tar, zip, member   the members of folders and archives, read in place
    pattern, split_words         one path for some files; the files of splits told apart
    path_list                    lists of paths, classes and splits in CSV or JSON lines

Read `find.py` first, then `archives.py`.
"""
