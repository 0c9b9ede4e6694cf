"""What `plan` and `link` find: forecasts of runs, devices ranked, whether a link suffices."""
