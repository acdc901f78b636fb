"""What tools/gpu-check.sh packs where tpc is built, and runs where a GPU is with Python's own modules only."""
