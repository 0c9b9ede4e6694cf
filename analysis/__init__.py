"""Forecasts before the data; from trials to verdict, figures and report; verification. No quantum SDK."""
