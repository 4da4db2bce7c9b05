"""Words as they stand on pages, printed or scanned, to text: reading order, paragraphs, tables, no running heads."""
