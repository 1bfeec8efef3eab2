# bit-launch: traps that no signal is lost by (sourced).
# shellcheck shell=bash disable=SC2034

# bash 5.2 looks for signals that have come when it begins to read a $(...), and then reads the command of a trap as if it stood in
# there: without a ) at its end that is a syntax error, and the signal is lost. Time for it there is whenever a command has a $(...) after
# something that takes a while, as in a=$(one) b=$(two). The ) that is wanted then must be none everywhere else: an alias, which
# bash expands everywhere but within $(...), opens a subshell for it.
bit_close() { :; }
shopt -s expand_aliases
alias bit_close='(:'
# catch COMMAND SIGNAL...
catch() {
    local command=$1
    shift
    # shellcheck disable=SC2064
    trap "$command; bit_close )" "$@"
}
