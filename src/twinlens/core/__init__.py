"""What every room may use: the types that travel, suggestions, menus of variants, recipes, progress, whole files."""
