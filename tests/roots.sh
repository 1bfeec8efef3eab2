# Fresh Debian roots for tests that need a machine with nothing on it (sourced by tests/bare and packaging/check).
# Mounts live in a mount namespace of their own and vanish with it.
# shellcheck shell=bash

# root_tools NAME: ends the script NAME with 77 where roots cannot be made.
root_tools() {
    local tool
    [ "$(id -u)" = 0 ] || { echo "$1: needs root" >&2; exit 77; }
    for tool in mmdebstrap unshare chroot; do
        command -v $tool >/dev/null || { echo "$1: $tool is missing (launcher/install-dependencies --developer)" >&2; exit 77; }
    done
}

# fresh_root SUITE ROOT [MMDEBSTRAP OPTION]...: a Debian with the essential packages and apt in ROOT. Where BIT_ROOTS names
# a folder with such a root by the name SUITE, it is copied instead of made (options are then packages to be installed).
fresh_root() {
    local suite=$1 root=$2 option
    shift 2
    if [ -n "${BIT_ROOTS:-}" ] && [ -d "$BIT_ROOTS/$suite" ]; then
        cp -a "$BIT_ROOTS/$suite" "$root" || return 1
    else
        mmdebstrap --quiet --variant=minbase "$@" "$suite" "$root" || return 1
        set --
    fi
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    echo '127.0.0.1 localhost bare' >"$root/etc/hosts"
    for option; do
        case $option in
            --include=*) root_install "$root" "$(tr , ' ' <<<"${option#--include=}")" ;;
        esac || return 1
    done
}

# root_install ROOT PACKAGE...: with apt-get, from the root's own sources; a word may hold several packages.
root_install() {
    local root=$1
    shift
    # shellcheck disable=SC2016
    inside "$root" root sh -c 'apt-get -qq -o Acquire::Retries=3 update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
        --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 install $*' sh "$@"
}

# inside ROOT USER COMMAND...: in the user's ~/bit (or home, where there is none), in namespaces of its own (mounts,
# processes), with a clean environment; whatever is still running when COMMAND ends is killed.
# shellcheck disable=SC2016
inside() {
    unshare --mount --pid --ipc --uts --fork --kill-child --propagation private bash -c '
        root=$1 user=$2; shift 2
        hostname bare
        mount -t proc proc "$root/proc" && mount -t tmpfs -o mode=755 tmpfs "$root/dev" || exit 1
        for d in null zero full random urandom tty; do touch "$root/dev/$d" && mount --bind "/dev/$d" "$root/dev/$d"; done
        mkdir "$root/dev/pts" "$root/dev/shm"
        mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts" && ln -s pts/ptmx "$root/dev/ptmx"
        mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
        ln -s /proc/self/fd "$root/dev/fd"; ln -s fd/0 "$root/dev/stdin"; ln -s fd/1 "$root/dev/stdout"; ln -s fd/2 "$root/dev/stderr"
        mount -t sysfs -o ro sysfs "$root/sys" 2>/dev/null || mount --rbind /sys "$root/sys"
        home=/root; [ "$user" = root ] || home=/home/$user
        exec chroot "$root" /usr/bin/env -i HOME="$home" USER="$user" LOGNAME="$user" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            $([ "$user" = root ] || echo setpriv --reuid="$user" --regid="$user" --init-groups) sh -c '\''
            if [ -d "$HOME/bit" ]; then cd "$HOME/bit"; else cd; fi && exec "$@"'\'' sh "$@"
    ' bash "$@" </dev/null
}
