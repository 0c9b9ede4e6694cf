"""The functions behind `import bellqueue as bq`, and the results they return."""
