"""One file a verb of the command line: its arguments and `run`; what a verb does stands in the other rooms."""
