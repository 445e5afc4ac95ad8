"""Datasets: a folder in its original layout → queries, gallery and what is known about them. One file per dataset."""
