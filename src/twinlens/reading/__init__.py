"""A reader of NLVR's closed world: items from pixels, sentences as meanings that execute on them, and back to words.

NumPy and Pillow only. What it does not know it leaves unread; it promises nothing about photographs.
"""
