# Reading what a run leaves (sourced by tests/lib.sh and the campaigns).
# shellcheck shell=bash
# value FILE KEY: a top-level value of an outcome, as it is written
value() { sed -n "s/^[ {]*\"$2\": \(.*[^,}]\)[,}]*\$/\1/p" "$1" 2>/dev/null | head -n 1; }
# member RUN KEY: the same of the run's outcome, without quotes
member() { value "$1/outcome.json" "$2" | tr -d '"'; }
# hash RUN: of the newest generation's weights, as the outcome has it
hash() { value "$1/outcome.json" weights_hash; }
# losses RUN: step and loss of every line of metrics, evaluations included
losses() {
    sed -n 's/^{"kind":"\([a-z]*\)","step":\([0-9]*\),"epoch":[^,]*,"loss":\([^,]*\),.*/\1 \2 \3/p' "$1/metrics.jsonl"
}
