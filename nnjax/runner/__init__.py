"""What surrounds a training: the command line, settings, run folders, plots and reports."""
