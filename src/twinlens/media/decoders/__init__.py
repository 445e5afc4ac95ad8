"""Decoders of files that Pillow does not open: one file each, named in the table of `formats`.

A module has `open_picture(file, name)`, which returns a Pillow image with what metadata there is as its EXIF, and
raises one of `mending.DAMAGE`. name: the file's, or the path of a moment of it. It imports its library when
called: it is an extra. It runs where pictures are decoded, within the same limits of memory and time.
"""
