"""Search: request → scorer → engine → deduplicate → rerank → hits."""
