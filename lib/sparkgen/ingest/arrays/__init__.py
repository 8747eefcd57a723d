"""Records that lie as bare arrays in binary files.

    idx, idx_files       MNIST's idx files; pairs of them told apart by name
    npy, pairs, guess    NumPy's files; which array holds pictures and which labels
    cifar                CIFAR-10 and CIFAR-100 in binary

Each gives blocks of a file read in place, or of a compressed one read as a stream.
"""
