#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two ranks of an Indexed Job find each other by the name of a Service, add up
# their gradients and learn; the Job completes and is not run again.
# limit: 240
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/catalogue.sh"

start_lab
deploy fit training "ranks: 2, steps: 50, rate: 0.8, peerPort: $(free_port)"
wait_for -n lab -t 120 aiworkloads/fit .status.phase Completed
expect_contains "what the ranks say" "$(log_of fit)" "rank 1 of 2 has 1000 rows"
expect "ranks that learnt the line" "$(log_of fit | grep -c 'learnt y = 3.00 x + 2.00 from 2000 rows')" 2

pods() { (cd "$TEST_DIR/edge-1/spoke/workloads/pods" && echo *); }
before=$(pods)
crash edge-1
start_spoke edge-1
wait_for -n lab -t 60 aiworkloads/fit .status.phase Completed
expect "pods after the agent came back" "$(pods)" "$before"
undeploy fit
