// The first view: jobs, queue and hosts.
import {get, post} from './api.js';
import {count, duration, el, number, replace, state, table, time} from './format.js';

const FILTERS = [['', 'all'], ['active', 'not ended'], ['running,starting,stopping', 'running'], ['held', 'held'], ['done', 'done'], ['failed,cancelled', 'failed or cancelled']];
const QUIET = ['held', 'waiting']; // of a sweep's jobs: its own page has them
const link = job => el('a', {href: '#/job/' + job.id, 'data-key': 'job-' + job.id}, job.name || 'job ' + job.id);

export function stateOf(job) {
    return [state(job.state), job.wish !== 'none' ? el('small', {}, ` (asked to ${job.wish})`) : null,
        job.cause !== 'none' ? el('small', {}, ' ' + job.cause.replaceAll('-', ' ')) : null];
}

function progressOf(job) {
    const p = job.progress;
    if (job.engine === 'sweep')
        return job.why;
    if (!p || p.step === null || !p.steps)
        return '';
    return el('span', {}, el('progress', {value: p.step, max: p.steps, 'aria-label': 'steps'}), el('small', {}, ` ${count(p.step)} of ${count(p.steps)} steps`));
}

function slurmLine(slurm) {
    const answers = slurm.silent ? el('b', {class: 'bad'}, `does not answer since ${time(slurm.silent)}`) : slurm.answered ? `answered at ${time(slurm.answered)}` : 'was not asked yet';
    return el('p', {'data-key': 'slurm'}, 'Slurm ', answers, `; ${count(slurm.running)} jobs run, ${count(slurm.pending)} wait there.`);
}

export class Overview {
    constructor(say) {
        this.say = say;
        this.filter = '';
        this.before = null;
        this.jobs = this.queue = this.hosts = [];
        this.progress = new Map(); // id -> what is known of a running job
        this.list = el('div', {});
        this.queuePlace = el('div', {});
        this.hostPlace = el('div', {});
        this.select = el('select', {id: 'filter', onchange: () => {
            this.filter = this.select.value;
            this.load();
        }}, FILTERS.map(([value, title]) => el('option', {value}, title)));
        this.more = el('button', {type: 'button', hidden: true, onclick: () => this.older()}, 'Older jobs');
        this.node = el('div', {},
            el('section', {}, el('h2', {}, 'Jobs'), el('div', {class: 'bar'}, el('label', {for: 'filter'}, 'Show'), this.select,
                el('a', {class: 'button', href: '#/submit', 'data-key': 'submit'}, 'Submit a job')), this.list,
                el('div', {class: 'bar'}, this.more)),
            el('div', {class: 'two'}, el('section', {}, el('h2', {}, 'Queue'), this.queuePlace), el('section', {}, el('h2', {}, 'Hosts'), this.hostPlace)));
    }

    path(before) {
        return 'jobs?limit=50' + (this.filter ? '&state=' + this.filter : '') + (before ? '&before=' + before : '');
    }

    // Jobs of a sweep are on its own page; so many more are asked for that the list is not empty because of them.
    async page(before) {
        let jobs = [], asked = 0;
        do {
            const more = await get(this.path(before));
            jobs = jobs.concat(more.jobs.filter(job => job.parent === null));
            before = more.before;
        } while (before && jobs.length < 30 && ++asked < 12);
        return {jobs, before};
    }

    async load() {
        const [jobs, queue, hosts] = await Promise.all([this.page(null), get('queue'), get('hosts')]);
        this.jobs = jobs.jobs;
        this.before = jobs.before;
        this.queue = queue.jobs.filter(job => job.parent === null || !QUIET.includes(job.state));
        this.hosts = hosts.hosts;
        this.slurm = hosts.slurm;
        await Promise.all([...this.jobs, ...this.queue].filter(job => job.state === 'running' || job.state === 'stopping')
            .map(async job => this.progress.set(job.id, (await get('jobs/' + job.id)).progress)));
        this.draw();
    }

    async older() {
        const jobs = await this.page(this.before);
        this.jobs = this.jobs.concat(jobs.jobs);
        this.before = jobs.before;
        this.draw();
    }

    draw() {
        for (const job of [...this.jobs, ...this.queue])
            job.progress = this.progress.get(job.id) || job.progress;
        replace(this.list, table('Jobs', [
            {title: 'Job', of: job => String(job.id)},
            {title: 'Name', of: link},
            {title: 'State', of: job => el('span', {}, stateOf(job))},
            {title: 'Progress', wide: true, of: progressOf},
            {title: 'Loss', number: true, of: job => job.progress ? number(job.progress.loss) : ''},
            {title: 'Images/s', number: true, of: job => job.progress && job.state === 'running' ? number(job.progress.images_per_second, 3) : ''},
            {title: 'Time left', number: true, of: job => job.progress && job.state === 'running' ? duration(job.progress.seconds_left) : ''},
            {title: 'Changed', of: job => time(job.changed)},
        ], this.jobs, this.filter ? 'No job is in this state.' : 'No jobs yet. "bit submit JOB.json", or the button above, hands one over.'));
        this.more.hidden = !this.before;
        replace(this.queuePlace, table('Queue', [
            {title: 'Place', of: job => String(this.queue.indexOf(job) + 1)},
            {title: 'Job', of: job => el('a', {href: '#/job/' + job.id, 'data-key': 'queue-' + job.id}, `${job.id} ${job.name || ''}`)},
            {title: 'State', of: job => el('span', {}, stateOf(job))},
            {title: 'Priority', number: true, of: job => String(job.priority)},
            {title: 'Ranks', number: true, of: job => job.ranks[0] === job.ranks[1] ? String(job.ranks[0]) : job.ranks.join(' to ')},
            {title: 'Why', wide: true, of: job => job.why || (job.after?.length ? 'after ' + job.after.map(a => a.id).join(', ') : '')},
        ], this.queue.slice(0, 60), 'Nothing waits.'), this.queue.length > 60 ? el('p', {class: 'quiet'}, `and ${this.queue.length - 60} more`) : null);
        replace(this.hostPlace, table('Hosts', [
            {title: 'Host', of: host => host.name},
            {title: 'State', of: host => state(host.state)},
            {title: 'Cores free', number: true, of: host => `${host.free} of ${host.cores}`},
            {title: 'Jobs', of: host => el('span', {}, host.jobs.flatMap((id, i) => [i ? ', ' : '', el('a', {href: '#/job/' + id, 'data-key': `host-${host.name}-${id}`}, String(id))]))},
            {title: '', of: host => el('button', {type: 'button', 'data-key': 'drain-' + host.name, onclick: () => this.turn(host)},
                host.state === 'open' ? 'Drain' : 'Open')},
        ], this.hosts, 'No hosts.'), this.slurm ? slurmLine(this.slurm) : null);
    }

    async turn(host) {
        const verb = host.state === 'open' ? 'drain' : 'open';
        try {
            Object.assign(host, await post(`hosts/${encodeURIComponent(host.name)}/${verb}`));
            this.say(`${host.name} is ${host.state}`);
            this.draw();
        } catch (error) {
            this.say(error.message, true);
        }
    }

    // Events of the stream.
    event() {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.load().catch(error => this.say(error.message, true)), 150);
    }

    step(data) {
        const known = this.progress.get(data.id);
        this.progress.set(data.id, {...known, ...data});
        this.draw();
    }

    recolour() { /* colours are style's */ }

    destroy() {
        clearTimeout(this.timer);
    }
}
