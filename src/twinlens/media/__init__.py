"""Pictures and captions on disk: files, archives, decoding, captions, content hashes."""
