"""Datasets: a folder in its original layout → queries, gallery and annotations. One file per dataset."""
