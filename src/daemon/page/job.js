// One job: how it stands, what can be done, curves, checkpoints, starts, bad pictures, log.
import {get, log, picture, post} from './api.js';
import {chartsOf, extend} from './charts.js';
import {bytes, count, duration, el, metric, number, replace, state, table, time} from './format.js';
import {stateOf} from './overview.js';
import {Report} from './report.js';
import {drawSchedule} from './schedule.js';
import {Sweep} from './sweep.js';
import {thumbnail} from './thumbnail.js';

const ENDED = ['done', 'failed', 'cancelled'];
const ACTIONS = [
    {verb: 'checkpoint', title: 'Checkpoint', said: 'a checkpoint was asked for', when: job => job.state === 'running'},
    {verb: 'pause', title: 'Pause', said: 'it will save and stop', when: job => !ENDED.includes(job.state) && job.state !== 'held' && job.wish === 'none'},
    {verb: 'resume', title: 'Resume', said: 'it goes on as soon as there is room', when: job => job.state === 'held' || job.wish === 'pause'},
    {verb: 'cancel', title: 'Cancel', said: 'it will save, stop, and not go on', when: job => !ENDED.includes(job.state) && job.wish !== 'cancel', danger: true},
    {verb: 'rerun', title: 'Run again', said: 'a new job was made', when: job => ENDED.includes(job.state)},
];
const EXIT = {0: 'finished', 64: 'wrong job', 65: 'bad data', 66: 'something is missing', 69: 'no whole checkpoint', 70: 'fault of bit', 74: 'the environment failed',
    75: 'stopped after a checkpoint', 76: 'a rank hung'};

// Of a start: from which checkpoint to which.
function stepsOf(attempt) {
    const from = count(attempt.step_before ?? 0);
    return attempt.step_after === null ? attempt.ended === null ? 'from ' + from : '–' : `${from} to ${count(attempt.step_after)}`;
}

const WIDE = ['Folder', 'Weights', 'Slurm'];

// Of a job that Slurm runs: its number there, where it runs, and how it was last seen.
function slurmFacts(job) {
    const attempt = job.attempt, slurm = attempt?.slurm;
    if (!attempt || attempt.slurm_id === null)
        return [];
    const seen = slurm?.seen ? `${slurm.state.toLowerCase()}${slurm.reason && slurm.reason !== 'None' ? ` (${slurm.reason})` : ''}` : null;
    return [['Slurm\'s job', String(attempt.slurm_id)], ['Nodes', attempt.hosts || null],
        ['Slurm', slurm ? slurm.silent ? el('span', {class: 'bad'}, `${seen ? `${seen}, not seen since ${time(slurm.seen)}` : 'not seen since bitd began'}: Slurm does not answer since ${time(slurm.silent)}`)
            : `${seen}, seen at ${time(slurm.seen)}` : null]];
}

export class JobView {
    constructor(id, say) {
        this.id = id;
        this.say = say;
        this.charts = [];
        this.logNext = null;
        this.pictures = new Map(); // number -> promise of a thumbnail, or of null
        for (const name of ['head', 'actions', 'facts', 'schedule', 'chartPlace', 'attempts', 'generations', 'quarantine', 'events'])
            this[name] = el('div', {});
        this.chartPlace.className = 'charts';
        this.logText = el('pre', {tabindex: '0', 'aria-label': 'log', 'data-key': 'log'});
        this.dialog = el('dialog', {'aria-labelledby': 'ask'});
        const section = (title, node) => el('section', {}, el('h2', {}, title), node);
        this.quarantineSection = section('Bad pictures', this.quarantine);
        this.sweep = new Sweep();
        this.sweepSection = section('Trials', this.sweep.node);
        this.sweepSection.hidden = true;
        this.report = new Report(id);
        this.reportSection = section('Report', this.report.node);
        this.reportSection.hidden = true;
        this.runSections = [section('Curves', this.chartPlace),
            el('div', {class: 'two'}, section('Starts', this.attempts), section('Checkpoints', this.generations)), this.reportSection, this.quarantineSection,
            section('Log of the newest start', this.logText)];
        this.node = el('div', {}, el('p', {}, el('a', {href: '#/'}, 'All jobs')), this.head, this.actions, this.facts, this.schedule, this.sweepSection,
            this.runSections, section('What happened', this.events), this.dialog);
    }

    async load() {
        const path = 'jobs/' + this.id;
        const none = error => {
            if (error.status !== 404)
                throw error;
            return null;
        };
        const [job, attempts, events, curves, folder] = await Promise.all([get(path), get(path + '/attempts'), get(path + '/events'),
            get(path + '/curves?points=1500').catch(none), get(path + '/folder').catch(none)]);
        Object.assign(this, {data: job, curves, folder, starts: attempts.attempts});
        document.title = `${job.name || 'job ' + job.id} – bit`;
        this.drawAttempts(attempts.attempts);
        this.drawEvents(events.events);
        this.drawFolder();
        this.drawCurves();
        this.drawHead();
        if (job.engine !== 'sweep' && !this.hasReport)
            this.report.load().then(there => {
                this.hasReport = there;
                this.reportSection.hidden = !there;
            });
        await (job.engine === 'sweep' ? this.loadSweep() : this.loadLog().catch(none));
    }

    // ---- how it stands ----

    // What the outcome does not know yet: it is written at checkpoints, curves at every step.
    complete() {
        const p = this.data.progress, epochs = this.curves?.steps.epoch, speeds = this.curves?.steps.images_per_second || [], batch = this.folder?.schedule?.batch;
        if (!p || ENDED.includes(this.data.state))
            return;
        if (epochs?.length)
            p.epoch = Math.max(p.epoch || 0, epochs.at(-1));
        const recent = speeds.slice(-50).filter(v => v > 0);
        if (p.seconds_left === null && recent.length && batch)
            p.seconds_left = (p.steps - p.step) * batch * recent.reduce((sum, v) => sum + 1 / v, 0) / recent.length;
    }

    drawHead() {
        this.complete();
        const job = this.data, p = job.progress, running = job.state === 'running' || job.state === 'stopping';
        replace(this.head, el('h2', {}, `${job.id}  ${job.name || ''} `), el('p', {}, stateOf(job), job.due ? ` – starts again at ${time(job.due)}` : null),
            job.why ? el('p', {class: 'why' + (job.state === 'failed' || job.state === 'held' ? ' bad' : '')}, job.why) : null,
            p?.message && p.message !== job.why && !running ? el('p', {class: 'why'}, p.message) : null);
        replace(this.actions, el('div', {class: 'bar'}, ACTIONS.filter(a => a.verb !== 'rerun' || a.when(job)).map(a =>
            el('button', {type: 'button', class: a.danger ? 'danger' : '', 'data-key': a.verb, disabled: !a.when(job), onclick: () => this.act(a)}, a.title)),
            ENDED.includes(job.state) ? null : this.priorityForm()));
        const best = p?.metrics?.length ? `${metric(p.metrics[0].form, p.best)} at step ${count(p.best_step)}` : null;
        const facts = job.engine === 'sweep' ? [['Priority', String(job.priority)], ['Submitted', time(job.submitted)], ['Folder', job.out]] : [
            ['Step', p ? `${count(p.step)} of ${count(p.steps)}` : null],
            ['Epoch', p ? number(p.epoch) : null],
            ['Loss', p ? number(p.loss) : null],
            ['Images/s', p && running ? number(p.images_per_second, 3) : null],
            ['Time left', p && running ? duration(p.seconds_left) : null],
            ['Expected end', p && running && p.seconds_left !== null ? time(Date.now() / 1000 + p.seconds_left) : null],
            ['Last checkpoint', p ? p.checkpoint_step === null ? 'none yet' : `step ${count(p.checkpoint_step)}` : null],
            ...(p?.metrics || []).map(m => [m.title, metric(m.form, m.value)]),
            [p?.metrics?.length ? 'Best ' + p.metrics[0].title : '', best],
            ['Starts', job.starts_without_progress ? `${job.attempts}; ${job.starts_without_progress} of ${job.budget} without a new checkpoint` : String(job.attempts)],
            ['Bad pictures met', p?.bad_images ? count(p.bad_images) : null],
            ['Ranks', job.attempt ? `${job.attempt.ranks} on ${job.attempt.hosts || '–'}` : job.ranks.join(' to ')],
            ['Sweep', job.parent === null ? null : el('a', {href: '#/job/' + job.parent, 'data-key': 'parent'}, `job ${job.parent}, trial ${job.index}`)],
            ['Priority', String(job.priority)],
            ['Engine', job.engine],
            ...slurmFacts(job),
            ['Submitted', time(job.submitted)],
            ['After', job.after?.length ? job.after.map(a => `${a.id} (${a.kind})`).join(', ') : null],
            ['Folder', job.out],
            ['Weights', p?.weights_hash || null],
        ];
        replace(this.facts, el('dl', {class: 'facts'}, facts.filter(([, value]) => value !== null).map(([title, value]) =>
            el('div', {class: WIDE.includes(title) ? 'wide' : ''}, el('dt', {}, title), el('dd', {}, value)))));
        if (job.engine !== 'sweep')
            replace(this.schedule, drawSchedule(job, this.marks(), this.curves?.resumes || []));
    }

    // The schedule in steps: a job may give its decays in epochs.
    marks() {
        const s = this.folder?.schedule, p = this.data.progress;
        if (!s || !p?.step || !p.epoch)
            return s;
        return {...s, decay_steps: s.decay_steps.concat(s.decay_epochs.map(epoch => Math.round(epoch * p.step / p.epoch)))};
    }

    // Kept from drawing to drawing, so that nobody is interrupted who types; where nobody does it shows what holds.
    priorityForm() {
        if (!this.priority) {
            this.priority = el('input', {id: 'priority', type: 'number', step: 1, min: -1000000, max: 1000000, required: true, 'data-key': 'priority'});
            this.priorityNode = el('form', {class: 'bar', onsubmit: event => {
                event.preventDefault();
                this.changePriority();
            }}, el('label', {for: 'priority'}, 'Priority'), this.priority, el('button', {type: 'submit', 'data-key': 'set-priority'}, 'Change'));
        }
        if (document.activeElement !== this.priority && this.priorityShown !== this.data.priority)
            this.priority.value = this.priorityShown = this.data.priority;
        return this.priorityNode;
    }

    async changePriority() {
        const priority = Number(this.priority.value);
        try {
            const job = await post(`jobs/${this.id}/priority`, {priority});
            this.say(`Job ${this.id}: its priority is ${job.priority}`);
            this.priorityShown = job.priority;
            this.data = {...job, progress: job.progress || this.data.progress};
            this.drawHead();
        } catch (error) {
            this.say(error.message, true);
        }
    }

    async act(action) {
        if (action.danger && !await this.ask(`Cancel job ${this.id}?`, 'It saves, stops, and does not go on. "Run again" would make a new job.', 'Cancel the job'))
            return;
        try {
            const job = await post(`jobs/${this.id}/${action.verb}`);
            this.say(`Job ${this.id}: ${action.said}`);
            if (action.verb === 'rerun') {
                location.hash = '#/job/' + job.id;
                return;
            }
            this.data = {...job, progress: job.progress || this.data.progress};
            this.drawHead();
        } catch (error) {
            this.say(error.message, true);
        }
    }

    // True: confirmed.
    ask(title, text, verb) {
        return new Promise(resolve => {
            this.dialog.replaceChildren(el('form', {method: 'dialog'}, el('h3', {id: 'ask'}, title), el('p', {}, text), el('div', {class: 'bar'},
                el('button', {value: 'yes', class: 'danger'}, verb), el('button', {value: 'no', autofocus: true}, 'Back'))));
            this.dialog.onclose = () => resolve(this.dialog.returnValue === 'yes');
            this.dialog.returnValue = '';
            this.dialog.showModal();
        });
    }

    // ---- what it left ----

    drawAttempts(attempts) {
        replace(this.attempts, table('Starts', [
            {title: 'Start', of: a => String(a.number)},
            {title: 'Began', of: a => time(a.begun)},
            {title: 'Lasted', number: true, of: a => a.begun ? duration((a.ended || Date.now() / 1000) - a.begun) : '–'},
            {title: 'Ranks', number: true, of: a => String(a.ranks)},
            {title: 'Hosts', of: a => a.hosts || ''},
            ...(attempts.some(a => a.slurm_id !== null) ? [{title: 'Slurm', number: true, of: a => a.slurm_id === null ? '' : String(a.slurm_id)}] : []),
            {title: 'Steps', number: true, of: stepsOf},
            {title: 'End', wide: true, of: a => a.ended === null ? 'goes on' : [a.code === null ? '' : `${a.code}${EXIT[a.code] ? ', ' + EXIT[a.code] : ''}`, a.why].filter(t => t).join(': ')},
        ], [...attempts].reverse(), 'It was not started yet.'));
    }

    drawEvents(events) {
        replace(this.events, el('details', {'data-key': 'events'}, el('summary', {}, `${events.length} events`), table('What happened', [
            {title: 'Time', of: e => time(e.time)},
            {title: 'Event', of: e => e.name.replaceAll('-', ' ')},
            {title: 'More', wide: true, of: e => Object.entries(e.context || {}).map(([key, value]) => `${key} ${value}`).join(', ')},
        ], [...events].reverse(), 'Nothing yet.')));
    }

    drawFolder() {
        const p = this.data.progress, folder = this.folder || {generations: [], quarantine: [], quarantined: 0};
        replace(this.generations, table('Checkpoints', [
            {title: 'Step', number: true, of: g => count(g.step)},
            {title: 'Epoch', number: true, of: g => p?.step && p.epoch ? number(g.step * p.epoch / p.step, 3) : '–'},
            {title: 'Shards', number: true, of: g => String(g.shards)},
            {title: 'Size', number: true, of: g => bytes(g.bytes)},
            {title: 'Written', of: g => time(g.written)},
            {title: 'Whole', wide: true, of: g => g.whole ? 'yes' : g.reason || 'no'},
        ], [...folder.generations].reverse(), 'None yet.'));
        this.drawQuarantine(folder);
    }

    // A picture is met again in each epoch: it is shown once.
    drawQuarantine(folder) {
        const met = new Map(), all = folder.quarantined === folder.quarantine.length;
        for (const bad of folder.quarantine)
            met.set(bad.path, {first: met.get(bad.path)?.first || bad, times: (met.get(bad.path)?.times || 0) + 1});
        this.quarantineSection.hidden = !met.size;
        replace(this.quarantine, el('p', {class: 'quiet'}, all ? `${count(met.size)} pictures could not be used, met ${count(folder.quarantined)} times`
            : `Of ${count(folder.quarantined)} times that a picture could not be used the first ${count(folder.quarantine.length)}`, '; the run goes on without them.'),
            el('ul', {class: 'pictures'}, [...met.values()].map(({first, times}) => el('li', {}, this.thumbnail(first), el('div', {}, first.path),
                el('small', {}, first.reason + (times > 1 ? ` (${times} times)` : ''))))));
    }

    // What can still be seen of a bad picture, made anew by bit.
    thumbnail(bad) {
        if (!this.pictures.has(bad.number))
            this.pictures.set(bad.number, picture(`jobs/${this.id}/quarantine/${bad.number}`).catch(() => null));
        return thumbnail(this.pictures.get(bad.number), 'what can be seen of ' + bad.path);
    }

    // A sweep has trials instead of a run.
    async loadSweep() {
        this.runSections.forEach(part => part.hidden = true);
        this.sweepSection.hidden = false;
        this.trials = await get(`jobs/${this.id}/sweep`);
        this.sweep.show(this.trials);
    }

    // ---- curves ----

    drawCurves() {
        if (this.curves)
            this.curves.resumes = [...new Set([...this.curves.rewinds, ...this.starts.slice(1).map(a => a.step_before)])].filter(step => step > 0).sort((a, b) => a - b);
        if (!this.curves) {
            replace(this.chartPlace, el('p', {class: 'quiet'}, 'No step was made yet.'));
            return;
        }
        const names = [...this.curves.metrics.map(m => m.name), ...Object.keys(this.curves.probes)].join(' ');
        if (names !== this.metricNames || !this.charts.length) {
            this.charts.forEach(chart => chart.destroy());
            this.charts = chartsOf(this.curves);
            this.metricNames = names;
            replace(this.chartPlace, this.charts.map(chart => chart.node));
        }
        if (this.node.isConnected)
            this.charts.forEach(chart => chart.show(this.curves));
    }

    shown() {
        this.sweep.shown();
        this.drawCurves();
        this.logText.scrollTop = this.logText.scrollHeight;
    }

    async grow() {
        if (!this.curves) {
            this.curves = await get(`jobs/${this.id}/curves?points=1500`);
        } else {
            const more = await get(`jobs/${this.id}/curves?from=${this.curves.cursor}`);
            if (!extend(this.curves, more) && this.curves.steps.step.length > 4000)
                this.curves = await get(`jobs/${this.id}/curves?points=1500`);
        }
        this.drawCurves();
        await this.loadLog();
    }

    async loadLog() {
        const {text, next} = await log(this.id, this.logNext ?? -16384);
        const {scrollTop, clientHeight, scrollHeight} = this.logText, atEnd = scrollTop + clientHeight >= scrollHeight - 8;
        if (text) {
            const all = (this.logNext === null ? '' : this.logText.textContent) + text.replaceAll('\0', '');
            this.logText.textContent = all.length > 65536 ? all.slice(all.indexOf('\n', all.length - 65536) + 1) : all;
        }
        this.logNext = next;
        if (atEnd)
            this.logText.scrollTop = this.logText.scrollHeight;
    }

    // ---- events of the stream ----

    event(data) {
        if (data.id !== this.id && !this.trials?.jobs.some(trial => trial.id === data.id))
            return;
        if (data.event === 'placed')
            this.logNext = null; // a new start has a new log
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.load().then(() => this.drawCurves()).catch(error => this.say(error.message, true)), 100);
    }

    step(data) {
        if (this.trials?.jobs.some(trial => trial.id === data.id) && !this.growing)
            this.growing = this.loadSweep().catch(() => {}).finally(() => {
                this.growing = null;
            });
        if (data.id !== this.id)
            return;
        if (this.data.progress)
            Object.assign(this.data.progress, data);
        if (!this.growing)
            this.growing = Promise.all([this.grow(), this.refresh()]).catch(() => {}).finally(() => {
                this.growing = null;
            });
    }

    // Head at each event, folder every 10 s: reading generations is a look at the disk.
    async refresh() {
        const now = Date.now();
        this.data = await get('jobs/' + this.id);
        if (now - (this.looked || 0) > 10000) {
            this.looked = now;
            this.folder = await get(`jobs/${this.id}/folder`).catch(() => this.folder);
            this.drawFolder();
        }
        this.drawHead();
    }

    recolour() {
        this.charts.forEach(chart => chart.recolour());
    }

    destroy() {
        clearTimeout(this.timer);
        this.charts.forEach(chart => chart.destroy());
    }
}
