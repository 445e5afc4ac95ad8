"""The package's version, apart from the package's face so that modules inside can import it."""

__version__ = "0.1.0"
