"""Ways to run the scanner: here, in a pool of processes, or on Spark."""
