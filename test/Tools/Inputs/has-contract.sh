#!/bin/sh
# Interesting (exit code 1, as mlir-reduce has it) if the file holds a contraction.
! grep -q tpc.contract "$1"
