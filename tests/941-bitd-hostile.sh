#!/bin/bash
# bitd and clients that mean no good: wrong user, slow bytes, half requests, lying lengths, crowds, paths, foreign sites, environments.
# While they are at it, honest clients are answered within HONEST_MS milliseconds (default 100; more on a busy machine).
# Alone: it measures times.
. "$(dirname "$0")/lib.sh"
needs launch bitd slow_jobs
pressure=$top_builddir/tests/daemon/pressure
start_bitd --set listen=127.0.0.1:$((20000 + RANDOM % 20000))
ok $? "it starts"
port=$(tr '\0' '\n' <"/proc/$daemon/cmdline" | sed -n 's/^listen=.*://p')

# says STATUS NAME: of the request on standard input
says() {
    "$pressure" "$BIT_SOCKET" raw >said 2>&1
    head -n 1 said | grep -q " $1 "
    ok $? "$2"
}
# request METHOD PATH HEADER... [: BODY]
request() {
    local method=$1 path=$2 header
    shift 2
    printf '%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n' "$method" "$path"
    for header; do printf '%s\r\n' "$header"; done
    printf '\r\n'
}
json='Content-Type: application/json'

# ---- who ----
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
    chmod 755 "$scratch" sock
    chmod 666 "$BIT_SOCKET"
    request GET /api/v1/about | setpriv --reuid=65534 --clear-groups "$pressure" "$BIT_SOCKET" raw >said 2>&1
    [ ! -s said ]
    ok $? "another user's connection is closed before a byte"
    chmod 700 sock
    chmod 600 "$BIT_SOCKET"
else
    skip "another user's connection is closed before a byte" "not run as root"
fi

# ---- what ----
says 200 "an honest request is answered" < <(request GET /api/v1/about)
grep -qi '^content-security-policy: default-src .none.' said && grep -qi '^x-content-type-options: nosniff' said && ! grep -qi 'access-control' said
ok $? "with security headers, and none that lets other sites read"
says 200 "the page is there" < <(request GET /)
says 200 "and its files" < <(request GET /page/main.js)
says 405 "DELETE is refused" < <(request DELETE /api/v1/jobs/1)
says 405 "OPTIONS is refused" < <(request OPTIONS /api/v1/jobs)
says 405 "PUT is refused" < <(request PUT /api/v1/jobs "$json" 'Content-Length: 0')
says 405 "a wish by GET is refused" < <(request GET /api/v1/jobs/1/pause)
says 404 "a path that leads out leads nowhere" < <(request GET '/api/v1/jobs/../../../etc/passwd')
says 400 "an attempt that is a path is refused" < <(request GET '/api/v1/jobs/1/log?attempt=../../state.db')
says 404 "a page that is a path leads nowhere" < <(request GET '/page/../../state/state.db')
says 404 "nor when it is written with percent signs" < <(request GET '/page/%2e%2e%2f%2e%2e%2fetc%2fpasswd')
says 404 "a number beyond all numbers is no job" < <(request GET '/api/v1/jobs/99999999999999999999')
says 400 "a negative limit is refused" < <(request GET '/api/v1/jobs?limit=-5')
says 415 "a form of another site is refused" < <(request POST /api/v1/jobs 'Content-Type: text/plain' 'Content-Length: 2')
says 403 "a foreign origin is refused" < <(request POST /api/v1/jobs/1/cancel "$json" 'Content-Length: 0' 'Origin: http://evil.example')
says 403 "a request from a foreign page is refused" < <(request POST /api/v1/jobs/1/cancel "$json" 'Content-Length: 0' 'Sec-Fetch-Site: cross-site')
says 413 "a length that lies is refused at once" < <(request POST /api/v1/jobs "$json" 'Content-Length: 99999999999')
says 413 "a body that is too large is refused" < <(request POST /api/v1/jobs "$json" 'Content-Length: 2000000'; head -c 2000000 /dev/zero | tr '\0' x)
says 400 "what is not JSON is refused" < <(request POST /api/v1/jobs "$json" 'Content-Length: 9'; printf '{"job": }')
says 400 "an unknown member is refused" < <(request POST /api/v1/jobs "$json" 'Content-Length: 21'; printf '{"job":"{}","jab":1} ')
says 400 "JSON of endless depth is refused" < <(request POST /api/v1/jobs "$json" 'Content-Length: 40000'; yes '[' | tr -d '\n' | head -c 40000)
printf 'GET /api/v1/about\0HTTP/1.1\r\n\r\n' | "$pressure" "$BIT_SOCKET" raw >said 2>&1
printf '\377\376\0\0\r\n\r\n' | "$pressure" "$BIT_SOCKET" raw >said 2>&1
head -c 100000 /dev/urandom | "$pressure" "$BIT_SOCKET" raw >said 2>&1
answers
ok $? "noise does no harm"
for name in $'a\nb' '../x' '.hidden' '-n' 'a b' "$(printf 'x%.0s' {1..200})"; do
    "$bit" submit small.json --name "$name" >said 2>&1
    [ $? = 64 ] || break
done
[ ${#name} = 200 ] && [ "$("$bit" status --json)" = '{"jobs":[],"before":null}' ]
ok $? "names with newlines, paths and blanks are refused, and nothing is kept"

# ---- TCP ----
tcp() { # REQUEST: the first line of the answer
    local line=''
    exec 6<>"/dev/tcp/127.0.0.1/$port"
    printf '%b' "$1" >&6
    IFS= read -r -t 5 line <&6
    exec 6>&-
    echo "$line"
}
token=$(cat "$state_folder/token")
[[ $(tcp "GET /api/v1/about HTTP/1.1\r\nHost: 127.0.0.1:$port\r\n\r\n") == *' 401 '* ]]
ok $? "TCP without the token: refused, for reading, too"
[[ $(tcp "GET /api/v1/about HTTP/1.1\r\nHost: 127.0.0.1:$port\r\nAuthorization: Bearer ${token:0:63}x\r\n\r\n") == *' 401 '* ]]
ok $? "with a token that is almost right: refused"
[[ $(tcp "GET /api/v1/about HTTP/1.1\r\nHost: 127.0.0.1:$port\r\nAuthorization: Bearer $token\r\n\r\n") == *' 200 '* ]]
ok $? "with the token: answered"
[[ $(tcp "GET /api/v1/about HTTP/1.1\r\nHost: evil.example:$port\r\nAuthorization: Bearer $token\r\n\r\n") == *' 403 '* ]]
ok $? "by a name that is not bitd's (DNS rebinding): refused, token or not"
[ "$(stat -c %a "$state_folder/token")" = 600 ]
ok $? "the token is for its owner only"

# A browser opens connections before it knows what it will ask, and may be slow to do so.
exec 6<>"/dev/tcp/127.0.0.1/$port"
exec 7<>"/dev/tcp/127.0.0.1/$port"
printf 'GET /api' >&7
sleep 4
printf 'GET / HTTP/1.1\r\nHost: 127.0.0.1:%s\r\n\r\n' "$port" >&6
IFS= read -r -t 5 line <&6
[[ $line == *' 200 '* ]]
ok $? "a connection on which nothing was said yet is still there after four seconds"
! IFS= read -r -t 1 line <&7 || [ -z "$line" ]
ok $? "half a request is not"
exec 6>&- 7>&-

# ---- how slowly, and how many ----
memory() { sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$daemon/status"; }
"$pressure" "$BIT_SOCKET" crowd 200 3 >said 2>&1
before=$(memory)
"$pressure" "$BIT_SOCKET" crowd 1000 6 >said 2>&1
read -r median longest failed <said
echo "# honest requests beside 1,000 slow ones: median $median ms, longest $longest ms, $failed failed"
[ "$failed" = 0 ] && [ "${longest%.*}" -lt "${HONEST_MS:-100}" ]
ok $? "1,000 connections with a byte a second each: honest ones are answered in time"
[ $(($(memory) - before)) -lt 4000 ]
ok $? "and memory stays flat ($before KB, then $(memory) KB)"
(printf 'GET /api/v1/ab' && sleep 4) | "$pressure" "$BIT_SOCKET" raw >said 2>&1
answers
ok $? "half a request is closed, and bitd answers"

# ---- environments ----
stop_bitd
echo "touch $scratch/bash-env-was-run" >bashenv
cat >spy <<SPY
#!/bin/bash
env >"$scratch/environment"
exec "$launch" "\$@"
SPY
chmod +x spy
launch=$scratch/spy
# shellcheck disable=SC2016
{
    export BASH_ENV=$scratch/bashenv OMPI_MCA_btl=nonsense LD_PRELOAD='' PS4='$(touch pwned)' SLURM_JOB_ID=7
    start_bitd
    unset BASH_ENV OMPI_MCA_btl LD_PRELOAD PS4 SLURM_JOB_ID
}
rm -f bash-env-was-run
id=$(submit small.json --out "$scratch/env" --set schedule.steps=4 --set 'schedule.decay_steps=[2]')
wait_for 60 stands "$id" "done"
ok $? "a job runs, whatever bitd's own environment says"
[ ! -e bash-env-was-run ] && [ -s environment ] && ! grep -qE '^(BASH_ENV|OMPI_|LD_PRELOAD|PS4|SLURM_)' environment
ok $? "of which BASH_ENV, OMPI_*, LD_PRELOAD, PS4 and SLURM_* do not reach it"

# ---- links ----
stop_bitd
mkdir -m 777 elsewhere
ln -s "$scratch/elsewhere" swapped
"$top_builddir/bitd" ${daemon_options[@]+"${daemon_options[@]}"} --set state="$scratch/swapped" --set socket="$scratch/sock2/http" >said 2>&1
[ $? = 74 ] && grep -q 'has to be a folder' said
ok $? "a state folder that is a link is refused"
"$top_builddir/bitd" ${daemon_options[@]+"${daemon_options[@]}"} --set state="$scratch/state2" --set socket="$scratch/swapped/http" >said 2>&1
[ $? = 74 ] && grep -q 'has to be a folder' said
ok $? "so is a socket's folder that is a link"
exit $bad
