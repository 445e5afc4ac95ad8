"""twinlens finds images with two lenses at once: a picture and a sentence."""

__version__ = "0.1.0"
