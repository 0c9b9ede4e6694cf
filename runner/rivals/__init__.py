"""Where entanglement stands among all rivals."""
