"""Figures for paper and report."""
