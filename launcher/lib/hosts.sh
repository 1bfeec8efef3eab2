# bit-launch: lists of hosts, as people write them (sourced).
# shellcheck shell=bash disable=SC2034,SC2154

host_form='expected NAME or NAME:RANKS, with commas between, such as a:2,b:2'

# Brings "a:2, b", "a slots=2, b" and several lines of that to "a:2,b:N", into $hosts; comments (#) go.
tidy_hosts() { # TEXT WHERE IT COMES FROM
    local word name count entries=() line text=''
    while IFS= read -r line || [ -n "$line" ]; do text+=" ${line%%#*}"; done < <(printf '%s' "$1")
    text=${text//[$'\t\r,;']/ }
    local words
    read -r -a words <<<"$text"
    for word in ${words[@]+"${words[@]}"}; do
        case $word in
            slots=* | max_slots=* | max-slots=*)
                count=${word#*=}
                [ ${#entries[@]} -gt 0 ] && is_count "$count" || stop 64 "$2: '$word' follows no host: $host_form"
                [ "${word%%=*}" = slots ] || continue
                name=${entries[-1]}
                [[ $name != *:* ]] || stop 64 "$2: two numbers of ranks for ${name%%:*}: $host_form"
                entries[-1]=$name:$count
                continue ;;
        esac
        name=${word%%:*} count=1
        case $word in *:*) count=${word#*:} ;; esac
        if ! [[ $name =~ ^([A-Za-z0-9_][A-Za-z0-9_.-]*@)?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?$ ]] || ! is_count "$count"; then
            stop 64 "$2: '$word' is no host: $host_form"
        fi
        entries+=("$word")
    done
    [ ${#entries[@]} -gt 0 ] || stop 64 "$2 names no host: $host_form"
    hosts=$(IFS=,; echo "${entries[*]}")
}

read_hosts() { # FILE
    [ -f "$1" ] && [ -r "$1" ] || stop 66 "--hostfile $1: there is no such file that can be read"
    tidy_hosts "$(<"$1")" "--hostfile $1"
}
