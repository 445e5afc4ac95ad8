"""A drawn world in the style of NLVR: scenes, pictures of them, sentences that execute on them, and edits.

Everything is generated from a seed, so that the truth of every sentence and the target of every edit are known.
"""
