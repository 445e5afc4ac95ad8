"""The grammar of sentences in both directions: `parse` reads one as a meaning, and `say` writes a meaning."""
