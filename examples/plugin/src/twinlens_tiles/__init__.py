"""Plug-ins for twinlens, one file each: a fusion, an encoder and a dataset."""
