"""Image files decoded to pixels of one shape.

In come the bytes of image files. Out go uint8 (H, W, C) as a viewer would show them, or why there are
none.

    formats, header     what is an image, by its name and first bytes; the size that it declares
    decode, colour      one image: frame, depth, profile, transparency, orientation, shape
    pictures, png       the images of a block; plain small PNGs many at a time

Read `decode.py` first.
"""
