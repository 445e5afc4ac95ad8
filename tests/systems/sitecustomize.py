"""Begins the imitation in every Python process whose PYTHONPATH has this folder, workers and commands among them."""

import os

import imitation  # beside this file

if os.environ.get(imitation.VARIABLE):
    imitation.begin(os.environ[imitation.VARIABLE])
