#!/bin/bash
# Two hosts with cables of their own: one is out for three seconds, one host loses its power. All trials: make check-faults
# FAULTS='--rows hosts'.
# Alone: losses are to be found within seconds.
[ "$(id -u)" = 0 ] || { echo "hosts need root"; exit 77; }
# The larger network: a run is to last until the fault.
FAULT_DEPTH=14 FAULT_ROWS=hosts FAULT_TRIALS=${FAULT_TRIALS:-2} exec bash "$(dirname "$0")/610-faults.sh" "$@"
