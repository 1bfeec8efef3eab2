#!/bin/bash
# The page of bitd in a real browser, over TCP with its token: a real job trains, its curves grow, buttons pause, resume and cancel it; keyboard,
# both colour schemes, 1280 and 400 pixels; nothing comes from elsewhere. PICTURES=FOLDER keeps pictures of what it looked like.
. "$(dirname "$0")/lib.sh"
needs launch bitd slow_jobs browser
clean_up() {
    close_browser
    end_daemons
}
val=$top_srcdir/data/digits/val
mkdir val
for class in 0 1; do
    mkdir val/$class
    cp "$val/$class"/*.jpg val/$class 2>/dev/null
done
cp -r "$top_srcdir/data/digits/train" train
first=$(find train/3 -name '*.jpg' | sort | head -n 1)
head -c $(($(stat -c %s "$first") - 60)) "$first" >"$first.cut" && mv "$first.cut" "$first"
echo 'no picture <img src=x onerror=alert(1)>' >"train/4/<b>bad&.jpg"
probe=$(printf '"probe": {"train": "%s/data/digits/upstream-train.txt", "test": "%s/data/digits/upstream-val.txt", "shots": "1,5", "every_steps": 10}' "$top_srcdir" "$top_srcdir")
val=$scratch/val small_job small.json '"seed": 7, "evaluation": {"every_steps": 5, "every_epochs": 0, "metrics": "top1,nll"}, '"$probe"
sed -i "s|$top_srcdir/data/digits/train|$scratch/train|; s/\"steps\": 24/\"steps\": 4000/" small.json

port=$((20000 + $$ % 20000)) page=http://127.0.0.1:$((20000 + $$ % 20000))
start_bitd --set listen=127.0.0.1:$port
ok $? "bitd serves a TCP address"
# each_look NAME: as it looks wide and narrow, light and dark; nothing may be cut off
each_look() {
    local width look cut=0
    for width in 1280 400; do
        size_page $width $((width == 400 ? 800 : 900))
        for look in light dark; do
            scheme $look
            sleep 0.3
            ! wide || cut=1
            [ -z "${PICTURES:-}" ] || { sleep 1; picture "$PICTURES/$1-$width-$look.png"; }
        done
    done
    size_page 1280 900
    scheme light
    ok $cut "nothing of the $1 is cut off at 1280 and 400 pixels"
}
wide() { page_says "document.documentElement.scrollWidth > innerWidth"; }
first=$(submit small.json -n 2 --name first)
second=$(submit small.json -n 2 --name second)
wait_for 30 stands "$first" running || { cat said; exit 1; }
open_browser 1280 900
ok $? "a browser is there"
ask_browser Network.enable '{}' >/dev/null

# ---- the token ----
visit "$page/"
wait_for 20 page_says "document.getElementById('problem').textContent.includes('token')"
ok $? "without the token there is nothing to see, and the page says why"
visit "$page/#token=$(cat "$state_folder/token")"
ask_browser Page.reload '{}' >/dev/null
wait_for 20 page_says "document.querySelector('table[aria-label=Jobs] a')"
ok $? "with the token in the address the jobs are there"
# Whether the page is loaded again before or after its script took the token, the address ends in / or in #/.
wait_for 20 page_says "!location.href.includes('token') && sessionStorage.getItem('bit-token').length == 64"
ok $? "the token has left the address, and is kept for this tab"
page_says "document.getElementById('link').className == 'live'" || wait_for 10 page_says "document.getElementById('link').className == 'live'"
ok $? "it says that it is live"

# ---- the first view ----
page_says "document.body.textContent.includes('second') && document.querySelectorAll('table[aria-label=Jobs] tbody tr').length == 2"
ok $? "it has both jobs"
[ "$(of_page "document.querySelector('table[aria-label=Queue] tbody tr:last-child').textContent.includes('second')")" = true ]
ok $? "the queue has the one that waits at its end"
page_says "document.querySelector('table[aria-label=Hosts]').textContent.includes('open')"
ok $? "the host is open"
step_of() { of_page "(/([0-9]+) of/.exec(document.querySelector('table[aria-label=Jobs] tbody tr:last-child').textContent)||[0,0])[1]"; }
before=$(step_of)
grown() { [ "$(step_of)" -gt "${before:-0}" ]; }
wait_for 30 grown
ok $? "progress comes by itself"
each_look jobs

# ---- a job ----
of_page "(document.querySelector('table[aria-label=Jobs] tbody tr:last-child a').focus(), 1)" >/dev/null
press Enter 13
wait_for 20 page_says "document.querySelectorAll('.uplot').length >= 5"
ok $? "Enter on a job opens it, with its curves"
wait_for 30 page_says "document.querySelector('main').textContent.includes('Evaluation') && document.querySelector('main').textContent.includes('NLL')"
ok $? "the head's metrics are among them"
legend_step() { of_page "/step ([0-9,]+)/.exec(document.querySelector('.legend').textContent)[1].replace(',', '')"; }
before=$(legend_step)
longer() { [ "$(legend_step)" -gt "${before:-0}" ]; }
wait_for 30 longer
ok $? "curves grow while it trains"
of_page "(document.querySelector('.plot').focus(), 1)" >/dev/null
press Home 36
[ "$(legend_step)" = 1 ] && press ArrowRight 39 && [ "$(legend_step)" = 2 ]
ok $? "arrow keys walk along a curve, and its legend tells the values"
of_page "(document.querySelector('figure details').open = true, 1)" >/dev/null
wait_for 5 page_says "document.querySelectorAll('figure table tbody tr').length > 1"
ok $? "a chart has a table"
wait_for 60 page_says "document.querySelectorAll('table[aria-label=Checkpoints] tbody tr').length >= 1"
ok $? "checkpoints are listed"
wait_for 60 page_says "[...document.querySelectorAll('.pictures li')].length == 2 && document.querySelector('.pictures').textContent.includes('<b>bad&.jpg')"
ok $? "bad pictures are listed, and their names stay text"
page_says "document.querySelector('.pictures').textContent.includes('train/3/')"
ok $? "each once, though it is met again and again"
wait_for 20 page_says "document.querySelectorAll('.pictures canvas').length == 1 && document.querySelector('.pictures').textContent.includes('nothing to see')"
ok $? "what can be seen of them is shown"
page_says "document.querySelector('pre').textContent.includes('step')"
ok $? "the log is there"
wait_for 60 page_says "[...document.querySelectorAll('figure')].some(f => f.textContent.includes('Probe of the features') && f.textContent.includes('5 a class'))"
ok $? "probes of the features have a curve for each number of shots"

# ---- what can be done ----
click() { of_page "(document.querySelector('[data-key=$1]').click(), 1)" >/dev/null; }
click checkpoint
wait_for 20 page_says "document.getElementById('said').textContent.includes('checkpoint')"
ok $? "Checkpoint: asked for, and said"
of_page "(document.getElementById('priority').value = 4, document.querySelector('[data-key=set-priority]').click(), 1)" >/dev/null
wait_for 10 page_says "[...document.querySelectorAll('dl.facts div')].some(d => d.textContent == 'Priority4')" && [ "$(job "$first" priority)" = 4 ]
ok $? "Priority: another one, which the page shows"
click pause
wait_for 40 stands "$first" held paused && wait_for 20 page_says "document.querySelector('.state').textContent == 'held'"
ok $? "Pause: it saves and stops, and the page says so by itself"
wait_for 40 stands "$second" running
click resume
wait_for 10 page_says "document.querySelector('.state').textContent == 'queued'"
ok $? "Resume: it waits for room"
"$bit" cancel "$second" >said
wait_for 60 page_says "document.querySelector('.state').textContent == 'running' && document.querySelectorAll('table[aria-label=Starts] tbody tr').length == 2"
ok $? "it is started again when there is room, as its second start"
wait_for 30 page_says "document.querySelector('.schedule').textContent.includes('checkpoint')"
ok $? "the schedule shows checkpoint and place"
# A run whose last steps are lost takes them back.
saved=$(member runs/first checkpoint_step)
wait_for 60 reaches runs/first $((saved + 8))
pkill -KILL -f "^$top_builddir/tests/faults/bitrun_points .*--out $scratch/runs/first"
wait_for 60 page_says "document.querySelectorAll('table[aria-label=Starts] tbody tr').length == 3"
ok $? "a start that was killed is listed with its reason"
wait_for 30 page_says "document.querySelector('.schedule').textContent.includes('resumed')"
ok $? "where it went on is marked"
each_look job

# ---- narrow, dark ----
light=$(of_page "getComputedStyle(document.body).backgroundColor")
scheme dark
[ "$(of_page "getComputedStyle(document.body).backgroundColor")" != "$light" ]
ok $? "it is dark where that is wanted"
! wide && size_page 400 800 && sleep 0.5 && ! wide
ok $? "nothing is cut off at 400 pixels"
visit "$page/#/"
wait_for 10 page_says "document.querySelector('table[aria-label=Jobs]')" && ! wide
ok $? "nor in the list of jobs"
visit "$page/#/job/$first"
wait_for 10 page_says "document.querySelector('[data-key=cancel]')"
click cancel
wait_for 5 page_says "document.querySelector('dialog').open && document.activeElement.value == 'no'"
ok $? "Cancel asks first, with the way back in front"
of_page "(document.querySelector('dialog button[value=yes]').click(), 1)" >/dev/null
wait_for 40 stands "$first" cancelled && wait_for 10 page_says "document.querySelector('.state').textContent == 'cancelled'"
ok $? "then it is cancelled"

# ---- what is handed in here ----
enter() { of_page "(document.querySelector('#$1').value = atob('$(printf '%s' "$2" | base64 -w0)'), 1)" >/dev/null; }
send() { of_page "(document.querySelector('[data-key=submit]').click(), 1)" >/dev/null; }
size_page 1280 900
scheme light
visit "$page/#/"
wait_for 10 page_says "document.querySelector('a[data-key=submit]')"
of_page "(document.querySelector('a[data-key=submit]').focus(), 1)" >/dev/null
press Enter 13
wait_for 10 page_says "document.activeElement.id == 'job'"
ok $? "Submit: a form, with the field for the job in front"
enter job '{"schedule": {"epoch": 3}}'
send
wait_for 10 page_says "document.querySelector('#problems').textContent.includes('1:24: schedule.epoch: unknown key; did you mean schedule.epochs?')"
ok $? "what is wrong with a job is said with its place"
each_look form
enter job "$(sed "s|$scratch/train|train|" small.json)"
send
wait_for 10 page_says "document.querySelector('#problems').textContent.includes('data.train: an absolute path was expected')"
ok $? "a path that nobody could resolve is refused"
enter job "$(cat small.json)"
enter name third
enter ranks 2
enter priority 3
send
wait_for 20 page_says "location.hash.startsWith('#/job/') && document.querySelector('main h2').textContent.includes('third')"
ok $? "a job that is right is handed in, and shown"
third=$(of_page "location.hash.slice(6)")
wait_for 60 page_says "document.querySelector('.state').textContent == 'running' && document.querySelectorAll('.uplot').length >= 5"
ok $? "it trains before one's eyes"
[ "$(job "$third" priority)" = 3 ]
ok $? "with the priority that it was given"
click pause
wait_for 60 page_says "document.querySelector('.state').textContent == 'held'" && click resume
wait_for 60 page_says "document.querySelector('.state').textContent == 'running'" && click cancel
wait_for 5 page_says "document.querySelector('dialog').open" && of_page "(document.querySelector('dialog button[value=yes]').click(), 1)" >/dev/null
wait_for 60 page_says "document.querySelector('.state').textContent == 'cancelled'"
ok $? "and is paused, resumed and cancelled there"

# ---- a sweep ----
sed 's|"seed": 7|"seed": 7, "optimizer": {"momentum": {"random": "uniform", "from": 0.5, "to": 0.95}}, "sweep": {"trials": 3, "last": {}}|; s|"steps": 4000|"steps": {"grid": [4, 8]}|; s|"decay_steps": .12.|"decay_steps": [2]|' \
    small.json >sweep.json
visit "$page/#/submit"
wait_for 10 page_says "document.querySelector('#job')"
enter job "$(cat sweep.json)"
enter name search
send
wait_for 20 page_says "document.querySelectorAll('.parallel .trial').length == 6 && document.querySelectorAll('.scroll tbody tr').length == 6"
ok $? "a sweep has a table of its trials, and a line for each"
search=$(of_page "location.hash.slice(6)")
wait_for 200 stands "$search" "done" && wait_for 30 page_says "document.querySelector('.state').textContent == 'done'"
ok $? "it is done when they are, and says so by itself"
page_says "document.querySelectorAll('.parallel .axis').length == 3 && document.querySelectorAll('.trial.best').length == 1"
ok $? "an axis for each key and the result; the best is marked"
of_page "(document.querySelector('.parallel').focus(), 1)" >/dev/null
press ArrowDown 40
page_says "document.querySelectorAll('.trial.chosen').length == 1 && document.querySelector('figcaption [role=status]').textContent.includes('rank 1')"
ok $? "arrow keys walk along the trials by rank"
each_look sweep
of_page "(document.querySelector('.parallel').focus(), 1)" >/dev/null
press Home 36
press Enter 13
wait_for 20 page_says "document.querySelector('[data-key=parent]') && document.querySelector('[data-key=parent]').textContent.includes('job $search')"
ok $? "Enter opens a trial, which leads back to its sweep"

# ---- report and gallery: of what the evaluation after its last step has said ----
wait_for 60 page_says "document.querySelector('.calibration') && document.querySelectorAll('[aria-label=Mistakes] li').length > 0"
ok $? "its report is there, with calibration and mistakes"
wrong=$(grep -c '"place":[1-9]' runs/search-*/trial-*/predictions.jsonl | sed -n 's/.*://p' | sort -n | tail -n 1)
[ "$wrong" -gt 0 ] && wait_for 60 page_says "[...document.querySelectorAll('[aria-label=Mistakes] canvas')].every(c => c.width != 96 || c.height != 96) && document.querySelectorAll('[aria-label=Mistakes] canvas').length > 0"
ok $? "its gallery has the pictures themselves"
page_says "document.querySelector('main').textContent.includes('Most confused') && document.querySelector('main').textContent.includes('label ')"
ok $? "with what they were taken for, and what they are"
each_look report
"$bit" page >said && grep -q "^    $page/#token=[0-9a-f]*\$" said
ok $? "bit page prints the address"

# ---- without bitd ----
stop_bitd
wait_for 20 page_says "document.getElementById('link').textContent.includes('no connection')"
ok $? "when bitd is gone the page says so"
start_bitd --set listen=127.0.0.1:$port
wait_for 40 page_says "document.getElementById('link').className == 'live'"
ok $? "and goes on by itself when it is back"
[ -z "$(of_page "performance.getEntriesByType('resource').map(e => e.name).filter(n => !n.startsWith(location.origin)).join()")" ]
ok $? "nothing was asked of any other place"
exit $bad
