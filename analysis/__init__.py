"""From counts or trials to a certified verdict, figures and a report. No quantum SDK."""
