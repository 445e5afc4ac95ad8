"""Pictures and captions as they lie on disk, and what is known of them by their content."""
