// Curves by uPlot: a figure each, with a legend that tells the values under the cursor, arrow keys, and a table of the same numbers.
import {el, number, svg} from './format.js';

const colour = name => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();

// Columns with the same steps, joined by step where two sets have different ones.
function join(sets) {
    return sets.length === 1 ? sets[0] : uPlot.join(sets);
}

// Where a start went on: what had come after that step was taken back.
function drawResumes(plot, resumes) {
    const {ctx, bbox} = plot, ratio = devicePixelRatio;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = colour('wait');
    ctx.setLineDash([4 * ratio, 3 * ratio]);
    ctx.textAlign = 'left'; // the axes leave another
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    let free = -Infinity;
    for (const step of resumes) {
        const x = plot.valToPos(step, 'x', true);
        if (x < bbox.left || x > bbox.left + bbox.width)
            continue;
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
        const width = ctx.measureText('resumed').width, right = x + width + 6 * ratio > bbox.left + bbox.width;
        if (x > free)
            ctx.fillText('resumed', right ? x - width - 3 * ratio : x + 3 * ratio, bbox.top + 11 * ratio);
        free = x + width;
    }
    ctx.restore();
}

// options: {title, unit, series: [{label, colour, format, fill, band, hidden}], log, least}. data(curves) gives the columns: steps first.
// raw(curves), where what is drawn is not what is told (sums that are stacked), gives the columns for legend and table.
export class Chart {
    constructor(key, options) {
        this.key = key;
        this.options = options;
        this.values = options.series.map(() => el('span', {}));
        this.step = el('li', {class: 'quiet'});
        this.legend = el('ul', {class: 'legend'}, this.step, options.series.map((s, i) => s.hidden ? null : this.entry(s, i)));
        this.place = el('div', {class: 'plot', tabindex: '0', role: 'img', 'aria-label': options.title, 'data-key': 'plot-' + key,
            onkeydown: event => this.press(event)});
        this.table = el('div', {});
        this.details = el('details', {'data-key': 'table-' + key, ontoggle: () => this.fillTable()}, el('summary', {}, 'Table of ' + options.title.toLowerCase()), this.table);
        this.node = el('figure', {}, el('figcaption', {}, el('h3', {}, options.title)), this.legend, this.place, this.details);
        this.observer = new ResizeObserver(() => this.resize());
        this.observer.observe(this.place);
    }

    entry(series, i) {
        const box = svg('rect', {width: 1, height: 1}), swatch = svg('svg', {viewBox: '0 0 1 1', 'aria-hidden': 'true'}, box);
        box.style.fill = `var(--${series.colour})`;
        return el('li', {}, swatch, series.label + ' ', this.values[i]);
    }

    format(i, value) {
        return (this.options.series[i].format || number)(value);
    }

    // curves as api.js has them; what is drawn and what is told.
    show(curves) {
        this.raw = (this.options.raw || this.options.data)(curves);
        const data = this.options.data(curves);
        this.resumes = curves.resumes || [];
        this.span = [0, Math.max(1, curves.steps.step.at(-1) || 0, this.raw[0].at(-1) || 0)]; // the same for all, also where there are few evaluations
        this.node.hidden = !this.raw[0].length || this.raw.slice(1).every(column => column.every(v => v === null || v === undefined));
        if (this.node.hidden)
            return;
        if (this.plot) {
            this.plot.setData(data);
        } else if (this.place.clientWidth) {
            this.build(data);
        } else {
            this.waiting = data;
        }
        this.tell(this.plot?.cursor.idx);
        this.fillTable();
    }

    build(data) {
        const {series, log, least} = this.options;
        const axis = {stroke: colour('quiet'), grid: {stroke: colour('grid'), width: 1}, ticks: {stroke: colour('grid'), width: 1}, font: '12px system-ui, sans-serif'};
        this.plot = new uPlot({
            width: this.place.clientWidth,
            height: 220,
            legend: {show: false},
            cursor: {sync: {key: 'steps'}, focus: {prox: -1}, y: false, points: {size: 6}},
            scales: {
                x: {time: false, range: () => this.span},
                y: log ? {distr: 3} : {range: (u, from, to) => {
                    if (from === null)
                        return [0, 1];
                    const low = least === undefined ? from : Math.min(least, from), room = (to - low || Math.abs(to) || 1) * .05;
                    return [least === undefined ? low - room : low, to + room];
                }},
            },
            axes: [{...axis, values: (u, splits) => splits.map(v => v === null ? '' : v.toLocaleString('en-US'))},
                {...axis, size: 62, values: (u, splits) => splits.map(v => v === null ? '' : series[0].format ? tick(v, splits) : mark(v, splits))}],
            series: [{}, ...series.map(s => ({
                stroke: s.band ? 'transparent' : colour(s.colour), width: s.band ? 0 : 1.5, spanGaps: true,
                fill: s.fill ? colour(s.colour) : undefined, points: {show: s.points || false, size: 5, stroke: colour(s.colour), fill: colour(s.colour)},
            }))],
            bands: this.options.bands?.map(pair => ({series: pair, fill: colour('c0') + '33'})),
            hooks: {draw: [u => drawResumes(u, this.resumes)], setCursor: [u => this.tell(u.cursor.idx)]},
        }, data, this.place);
        this.place.querySelector('.uplot').setAttribute('aria-hidden', 'true');
    }

    // The values at an index; without one those of the end.
    tell(index) {
        if (!this.raw)
            return;
        const at = index === null || index === undefined ? this.raw[0].length - 1 : index;
        this.step.textContent = 'step ' + (this.raw[0][at] ?? 0).toLocaleString('en-US');
        this.options.series.forEach((s, i) => {
            let value = this.raw[i + 1]?.[at];
            for (let j = at; (value === null || value === undefined) && j >= 0; j--)
                value = this.raw[i + 1][j];
            this.values[i].textContent = this.format(i, value);
        });
        this.place.setAttribute('aria-label', `${this.options.title}: ${this.step.textContent}, ` +
            this.options.series.map((s, i) => s.hidden ? '' : s.label + ' ' + this.values[i].textContent).filter(t => t).join(', '));
    }

    press(event) {
        const steps = {ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20, Home: -Infinity, End: Infinity}[event.key];
        if (event.key === 'Escape' && this.plot) {
            this.plot.setData(this.plot.data);
            return;
        }
        if (steps === undefined || !this.plot)
            return;
        event.preventDefault();
        const last = this.raw[0].length - 1, now = this.plot.cursor.idx ?? last;
        const index = Math.min(last, Math.max(0, now + steps));
        this.plot.setCursor({left: this.plot.valToPos(this.plot.data[0][index], 'x'), top: 10});
    }

    // At most 60 rows: more are no table for people.
    fillTable() {
        if (!this.details.open || !this.raw)
            return;
        const steps = this.raw[0], stride = Math.max(1, Math.ceil(steps.length / 60)), rows = [];
        for (let i = (steps.length - 1) % stride; i < steps.length; i += stride)
            rows.push(i);
        this.table.replaceChildren(el('table', {},
            el('thead', {}, el('tr', {}, el('th', {scope: 'col', class: 'number'}, 'step'), this.options.series.map(s => el('th', {scope: 'col', class: 'number'}, s.label)))),
            el('tbody', {}, rows.map(i => el('tr', {}, el('td', {class: 'number'}, steps[i].toLocaleString('en-US')),
                this.options.series.map((s, j) => el('td', {class: 'number'}, this.format(j, this.raw[j + 1][i]))))))));
    }

    resize() {
        const width = this.place.clientWidth;
        if (!width)
            return;
        if (this.plot)
            this.plot.setSize({width, height: 220});
        else if (this.waiting)
            this.build(this.waiting);
    }

    // Colours are drawn, so another scheme needs another picture.
    recolour() {
        if (!this.plot)
            return;
        const data = this.plot.data;
        this.plot.destroy();
        this.build(data);
    }

    destroy() {
        this.observer.disconnect();
        this.plot?.destroy();
    }
}

// ---- which curves a run has ----

const share = x => x === null || x === undefined ? '–' : Math.round(100 * x) + ' %';
// Of an axis: with so many decimals that no two marks look alike.
const tick = (x, all) => (100 * x).toFixed(all.every(v => v === null || Math.abs(100 * v - Math.round(100 * v)) < 1e-6) ? 0 : 1) + ' %';
function mark(x, all) {
    const known = all.filter(v => v !== null), step = Math.abs(known[1] - known[0]), size = Math.max(...known.map(Math.abs));
    if (!(step > 0) || size >= 1e7 || size < 1e-2)
        return number(x, 3);
    return String(Number(x.toFixed(Math.min(8, Math.max(0, 1 - Math.floor(Math.log10(step)))))));
}
const fine = x => x === null || x === undefined ? '–' : (100 * x).toFixed(2) + ' %';
const PHASES = ['forward', 'backward', 'data', 'reduce', 'update', 'checkpoint'];

// What is drawn of shares is their sum so far, the largest first, so that the areas stand on each other.
function stacked(curves) {
    const shares = curves.steps.share, sums = [];
    PHASES.forEach((phase, i) => sums.push((shares[phase] || []).map((v, j) => (i ? sums[i - 1][j] : 0) + (v || 0))));
    return [curves.steps.step, ...sums.reverse()];
}

export function chartsOf(curves) {
    const charts = [], colours = ['c0', 'c1', 'c2', 'c3', 'c4', 'c5'];
    charts.push(new Chart('loss', {
        title: 'Loss',
        series: [{label: 'training', colour: 'c0'}, {label: 'evaluation', colour: 'c1', points: true}, {label: 'least', band: true, hidden: true, colour: 'c0'},
            {label: 'greatest', band: true, hidden: true, colour: 'c0'}],
        bands: [[4, 3]],
        data: c => join([[c.steps.step, c.steps.loss], [c.evaluations.step, c.evaluations.loss], [c.steps.step, c.steps.loss_min, c.steps.loss_max]]),
    }));
    const shares = curves.metrics.filter(m => m.form === 'share'), others = curves.metrics.filter(m => m.form !== 'share');
    if (shares.length)
        charts.push(new Chart('metrics', {
            title: 'Evaluation',
            series: shares.map((m, i) => ({label: m.title, colour: colours[i % 6], format: fine, points: true})),
            data: c => [c.evaluations.step, ...shares.map(m => c.evaluations[m.name])],
        }));
    for (const m of others)
        charts.push(new Chart('metric-' + m.name, {
            title: m.title, series: [{label: m.title, colour: 'c0', points: true}], data: c => [c.evaluations.step, c.evaluations[m.name]],
        }));
    const shots = Object.keys(curves.probes || {}).filter(key => key.startsWith('shots_'));
    if (shots.length)
        charts.push(new Chart('probe', {
            title: 'Probe of the features',
            series: shots.map((key, i) => ({label: key.slice(6) + ' a class', colour: colours[i % 6], format: fine, points: true})),
            data: c => [c.probes.step, ...shots.map(key => c.probes[key] || [])],
        }));
    charts.push(new Chart('rate', {title: 'Learning rate', least: 0, series: [{label: 'rate', colour: 'c2'}], data: c => [c.steps.step, c.steps.rate]}));
    charts.push(new Chart('speed', {
        title: 'Images per second', least: 0, series: [{label: 'images/s', colour: 'c3'}], data: c => [c.steps.step, c.steps.images_per_second],
    }));
    charts.push(new Chart('share', {
        title: 'Shares of time', least: 0,
        series: PHASES.map((phase, i) => ({label: phase, colour: colours[i], format: share, fill: true})).reverse(),
        data: stacked,
        raw: c => [c.steps.step, ...PHASES.map(phase => c.steps.share[phase] || []).reverse()],
    }));
    charts.push(new Chart('norm', {title: 'Gradient norm', log: true, series: [{label: 'norm', colour: 'c4'}],
        data: c => [c.steps.step, c.steps.gradient_norm.map(v => v > 0 ? v : null)]}));
    return charts;
}

// Adds what came after the cursor to curves that are there; true when the whole was replaced.
export function extend(curves, more) {
    if (more.rewind !== null && more.rewind !== undefined) {
        Object.assign(curves, more);
        return true;
    }
    const append = (to, from) => {
        for (const [key, value] of Object.entries(from))
            if (Array.isArray(value))
                to[key] = (to[key] || []).concat(value);
            else
                append(to[key] = to[key] || {}, value);
    };
    append(curves.steps, more.steps);
    append(curves.evaluations, more.evaluations);
    append(curves.probes, more.probes);
    curves.cursor = more.cursor;
    curves.metrics = more.metrics.length ? more.metrics : curves.metrics;
    return false;
}
