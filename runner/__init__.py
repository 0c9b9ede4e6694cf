"""The experiment from scenario to run folder, by command or from Python."""
