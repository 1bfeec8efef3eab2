# Sourced by quickstart and check, with $source (this checkout) set: installs what is missing, configures and builds into
# $build. Every step does nothing when it was done before.
# shellcheck shell=sh disable=SC2154,SC2016
build=${BIT_BUILD:-$source/build}
cores=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
# Where Fedora keeps Open MPI.
PATH=$PATH:/usr/lib64/openmpi/bin
export PATH

stop() {
    echo "$program: $1" >&2
    exit "${2:-70}"
}

seconds() { date +%s; }

# run_logged WHAT COMMAND...: quiet when it works; on failure the end of what it said.
run_logged() {
    what=$1
    shift
    started=$(seconds)
    printf '%s ... ' "$what"
    if "$@" >"$build/setup.log" 2>&1 </dev/null; then
        echo "done ($(($(seconds) - started)) s)"
        return 0
    fi
    echo "FAILED"
    tail -n 40 "$build/setup.log" >&2
    stop "$what failed (above; all of it: $build/setup.log)"
}

# setup [--tests]: all there, configured, built.
setup() {
    "$source/launcher/install-dependencies" "$@" || exit $?
    mkdir -p "$build" || exit 74
    build=$(cd "$build" && pwd)
    if [ ! -x "$source/configure" ]; then
        run_logged "making configure" autoreconf -i "$source"
    fi
    if [ ! -f "$build/Makefile" ] || [ ! -f "$build/config.status" ]; then
        run_logged "configuring into $build" sh -c 'cd "$1" && "$2/configure"' sh "$build" "$source"
    fi
    if ! make -s -q -C "$build" all >/dev/null 2>&1; then
        run_logged "building with $cores jobs" make -s -j"$cores" -C "$build" all
    fi
}
