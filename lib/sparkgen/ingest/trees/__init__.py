"""Image files in folders and archives: which split and which class each of them is of.

In come the listings of folders and archives. Out go candidates, each a member with its label, or with the
reason why it cannot be used; and how much is not used at all, by reason.

    layout, paths               which layout it is; the split and the class folders of each file
    class_folders, test_list    which class a folder means; a list of the files that are the test split
    placement, checks           what is a record; what is wrong with a tree that has no known layout
    shares                      who reads what, and the blocks that come of it
    guess                       keys for a tree that `sparkgen inspect` looks at

Read `layout.py` first.
"""
