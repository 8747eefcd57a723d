"""Draws grids of images and charts as PNG files.

Arrays come in and files go out; nothing here knows of models, runs or data sets. `grids` draws images,
`charts` draws numbers, `pixels` makes bytes of what models give.
"""
