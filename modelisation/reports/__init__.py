"""Everything that writes Markdown, the README's tables among it; measures nothing."""
