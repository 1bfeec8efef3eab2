// A sweep: its jobs by rank, and the same as parallel coordinates - an axis for each key, one for the result, a line for each trial.
import {el, metric, number, replace, state, svg, table} from './format.js';

const TOP = 34, HEIGHT = 260, BOTTOM = 20, SIDE = 46, NARROW = 110, WIDE = 200;

const short = path => path.slice(path.lastIndexOf('.') + 1);
const text = value => typeof value === 'number' ? number(value) : typeof value === 'string' ? value : JSON.stringify(value);

// Where a value lies between the ends of its axis, 0 to 1; null: nowhere.
function keyAxis(key, index) {
    const values = key.values.map(value => JSON.stringify(value)), last = values.length - 1;
    if (values.length)
        return {title: short(key.key), note: key.key, of: job => job.values[index], ticks: key.values.map((value, i) => [last ? i / last : 0.5, text(value)]),
            at: value => last ? values.indexOf(JSON.stringify(value)) / last : 0.5};
    const scale = key.is_log ? Math.log : x => x, low = scale(key.from), wide = scale(key.to) - low || 1, back = key.is_log ? Math.exp : x => x;
    return {title: short(key.key), note: `${key.key}, ${key.text}`, of: job => job.values[index], at: value => (scale(value) - low) / wide,
        ticks: [0, 0.25, 0.5, 0.75, 1].map(t => [t, number(back(low + t * wide), 2)])};
}

// The better end is above.
function resultAxis(sweep, jobs) {
    const values = jobs.map(job => job.value).filter(value => value !== null), m = sweep.metric;
    if (!m || !values.length)
        return null;
    const least = Math.min(...values), most = Math.max(...values), wide = most - least || 1, up = m.better === 'higher';
    const at = value => up ? (value - least) / wide : (most - value) / wide;
    return {title: m.title, note: m.title, of: job => job.value, at, ticks: [0, 0.5, 1].map(t => [t, metric(m.form, up ? least + t * wide : most - t * wide)])};
}

export class Sweep {
    constructor() {
        this.tablePlace = el('div', {class: 'scroll'});
        this.legend = el('p', {class: 'quiet', role: 'status'});
        this.plot = el('div', {class: 'parallel', tabindex: '0', role: 'application', 'data-key': 'parallel',
            'aria-label': 'Trials as lines over their values. Arrow keys go from trial to trial by rank, Enter opens one; the table below has the same.',
            onkeydown: event => this.press(event), onblur: () => this.choose(null)});
        this.figure = el('figure', {}, el('figcaption', {}, el('h3', {}, 'Trials over their values'), this.legend), this.plot);
        this.node = el('div', {}, this.figure, this.tablePlace);
        this.chosen = null;
    }

    // Again with the width that there is once it is on the page.
    shown() {
        if (this.sweep)
            this.drawPlot();
    }

    show(sweep) {
        this.sweep = sweep;
        this.trials = sweep.jobs.filter(job => !job.is_last && job.values.length);
        this.drawPlot();
        this.drawTable();
    }

    // ---- parallel coordinates ----

    drawPlot() {
        const axes = this.sweep.keys.map(keyAxis), result = resultAxis(this.sweep, this.trials);
        if (result)
            axes.push(result);
        const room = (this.plot.clientWidth - 3 * SIDE) / Math.max(1, axes.length - 1), step = Math.max(NARROW, Math.min(WIDE, room));
        const width = 3 * SIDE + (axes.length - 1) * step, y = t => TOP + (1 - t) * HEIGHT, x = i => SIDE + i * step;
        this.lines = new Map();
        const picture = svg('svg', {viewBox: `0 0 ${width} ${TOP + HEIGHT + BOTTOM}`, width, height: TOP + HEIGHT + BOTTOM, 'aria-hidden': 'true'});
        for (const job of [...this.trials].reverse()) { // the best above all others
            const points = axes.map((axis, i) => [x(i), axis.of(job) === null ? null : y(axis.at(axis.of(job)))]).filter(([, at]) => at !== null);
            const kind = job.rank === 1 ? 'best' : job.rank ? 'ranked' : job.state === 'failed' || job.state === 'cancelled' ? 'failed' : 'open';
            const path = points.map(([a, b]) => `${a.toFixed(1)},${b.toFixed(1)}`).join(' ');
            const line = svg('polyline', {points: path, class: 'trial ' + kind}), near = svg('polyline', {points: path, class: 'near'});
            near.addEventListener('pointerenter', () => this.choose(job));
            near.addEventListener('pointerleave', () => this.choose(null));
            near.addEventListener('click', () => this.open(job));
            picture.append(line, near);
            this.lines.set(job.id, line);
        }
        axes.forEach((axis, i) => picture.append(this.axis(axis, x(i), y)));
        const scrolled = this.plot.scrollLeft;
        this.plot.replaceChildren(picture);
        this.plot.scrollLeft = scrolled;
        const again = this.trials.find(job => job.id === this.chosen?.id);
        this.choose(again || null);
    }

    axis(axis, x, y) {
        const group = svg('g', {class: 'axis'}, svg('title', {}, axis.note), svg('line', {x1: x, x2: x, y1: y(0), y2: y(1)}),
            svg('text', {x, y: TOP - 16, 'text-anchor': 'middle', class: 'title'}, axis.title));
        for (const [t, label] of axis.ticks)
            group.append(svg('line', {x1: x - 3, x2: x + 3, y1: y(t), y2: y(t)}), svg('text', {x: x + 6, y: y(t) + 4}, label));
        return group;
    }

    choose(job) {
        this.chosen = job;
        for (const [id, line] of this.lines)
            line.classList.toggle('chosen', id === job?.id);
        if (job)
            this.lines.get(job.id).parentNode.append(this.lines.get(job.id)); // above the others
        const m = this.sweep.metric;
        this.legend.textContent = job ? [`job ${job.id}`, job.rank ? `rank ${job.rank}` : job.state, m && job.value !== null ? `${m.title} ${metric(m.form, job.value)}` : '',
            ...this.sweep.keys.map((key, i) => `${short(key.key)} ${text(job.values[i])}`)].filter(t => t).join(', ')
            : `${this.trials.length} trials; arrow keys, or the pointer, choose one`;
    }

    press(event) {
        const at = this.trials.indexOf(this.chosen), last = this.trials.length - 1;
        const to = {ArrowDown: Math.min(at + 1, last), ArrowRight: Math.min(at + 1, last), ArrowUp: Math.max(at - 1, 0), ArrowLeft: Math.max(at - 1, 0), Home: 0, End: last}[event.key];
        if (event.key === 'Enter' && this.chosen)
            this.open(this.chosen);
        else if (event.key === 'Escape')
            this.choose(null);
        else if (to !== undefined && last >= 0)
            this.choose(this.trials[to]);
        else
            return;
        event.preventDefault();
    }

    open(job) {
        location.hash = '#/job/' + job.id;
    }

    // ---- the table ----

    drawTable() {
        const m = this.sweep.metric;
        replace(this.tablePlace, table('Jobs of the sweep', [
            {title: 'Rank', number: true, of: job => job.is_last ? 'last' : job.rank === null ? '–' : String(job.rank)},
            {title: 'Job', of: job => el('a', {href: '#/job/' + job.id, 'data-key': 'child-' + job.id}, String(job.id))},
            {title: 'State', of: job => el('span', {}, state(job.state), job.cause !== 'none' ? el('small', {}, ' ' + job.cause.replaceAll('-', ' ')) : null)},
            {title: 'Step', number: true, of: job => job.step === null ? '–' : `${job.step} of ${job.steps}`},
            {title: m ? m.title : 'Result', number: true, of: job => m && job.value !== null ? metric(m.form, job.value) : '–'},
            ...this.sweep.keys.map((key, i) => ({title: short(key.key), number: true, of: job => i < job.values.length ? text(job.values[i]) : '–'})),
        ], this.sweep.jobs, 'No jobs.', true)); // rows are compared: they scroll rather than become cards
    }
}
