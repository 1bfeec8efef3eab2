#!/bin/bash
# /metrics is what Prometheus reads: by its grammar, and by promtool where it is installed.
. "$(dirname "$0")/lib.sh"
needs launch bitd slow_jobs
check() { LC_ALL=C awk -f "$top_srcdir/tests/daemon/exposition.awk" "$1" >said; }
start_bitd
scrape() { "$top_builddir/tests/daemon/pressure" "$BIT_SOCKET" raw <request >answer 2>said && sed '1,/^\r*$/d' answer >metrics; }
printf 'GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' >request
scrape && check metrics
ok $? "without jobs it is in Prometheus's format"
grep -qi '^Content-Type: text/plain; version=0.0.4' answer
ok $? "it says which format it is"
long=$(printf 'n%.0s' {1..100})
one=$(submit small.json -n 2 --name "$long")
two=$(submit small.json --name _.-2 --after "$one")
wait_for 60 reaches "runs/$long" 5
known() { scrape && grep -q '^bitd_job_loss{' metrics; }
wait_for 20 known && check metrics
ok $? "with a job that runs it is, too"
grep -Eq "^bitd_job_step\{job=\"$one\",name=\"$long\"\} [0-9]+\$" metrics && grep -q '^bitd_jobs{state="waiting"} 1$' metrics && grep -q '^bitd_jobs{state="running"} 1$' metrics
ok $? "states are counted, and the job has its figures"
"$bit" cancel "$two" "$one" >said
if command -v promtool >/dev/null; then
    promtool check metrics <metrics >said 2>&1
    ok $? "promtool has nothing to say against it"
else
    skip "promtool has nothing to say against it" "there is no promtool (Debian's package prometheus)"
fi
# The judge judges.
for fault in 's/^bitd_info{/bitd_info{version=1,/' '/^# TYPE bitd_jobs/d' 's/^\(bitd_host_cores{.*\) [0-9]*$/\1 many/' 's/^bitd_start_time_seconds.*/&\n&/' \
    '$a bitd_jobs{state="x"} 1' 's/state="held"/state="he\\ld"/' 's/^# TYPE bitd_jobs gauge/# TYPE bitd_jobs number/' 's/state="done"} 0/state="done} 0/'; do
    sed "$fault" metrics >faulty
    ! cmp -s metrics faulty && ! check faulty
    ok $? "the grammar refuses: $fault"
done
exit $bad
